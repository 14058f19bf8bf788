use understudy_core::call::message::Payload;

use super::*;

fn told(from: &str, to: &str) -> Envelope {
    Envelope::new(to, from, "x", &Payload::Request)
}

#[tokio::test]
async fn what_is_said_to_a_peer_is_heard_there_in_order_and_nowhere_else() {
    let hub = Hub::new(8);
    let ada = hub.join("ada", Hold::Yielding).unwrap();
    let mut bob = hub.join("bob", Hold::Yielding).unwrap();
    let mut carol = hub.join("carol", Hold::Yielding).unwrap();
    for channel in ["1", "2", "3"] {
        ada.say(Envelope::new("bob", "ada", channel, &Payload::Request)).unwrap();
    }
    for channel in ["call:1", "call:2", "call:3"] {
        assert_eq!(bob.next().await.unwrap().topic, channel);
    }
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(1), carol.next()).await;
    assert!(nothing.is_err());
}

#[tokio::test]
async fn nobody_speaks_in_another_s_name_or_to_whom_is_not_here() {
    let hub = Hub::new(8);
    let ada = hub.join("ada", Hold::Yielding).unwrap();
    assert_eq!(ada.say(told("ada", "bob")), Err(Unsent::Absent));
    let bob = hub.join("bob", Hold::Yielding).unwrap();
    assert_eq!(ada.say(told("eve", "bob")), Err(Unsent::Foreign));
    drop(bob);
    assert_eq!((ada.say(told("ada", "bob")), hub.members()), (Err(Unsent::Absent), 1));
}

#[tokio::test]
async fn whoever_floods_a_peer_leaves_room_for_others() {
    let hub = Hub::new(8);
    let eve = hub.join("eve", Hold::Yielding).unwrap();
    let ada = hub.join("ada", Hold::Yielding).unwrap();
    let _stalled = hub.join("bob", Hold::Yielding).unwrap();
    let heard = (0..1000).filter(|_| eve.say(told("eve", "bob")).is_ok()).count();
    assert_eq!(heard, SHARE);
    assert_eq!(ada.say(told("ada", "bob")), Ok(()));
}

#[tokio::test]
async fn a_peer_that_comes_back_takes_its_place_and_none_takes_one_that_is_held_fast() {
    let hub = Hub::new(2);
    let _own = hub.join("own", Hold::Fast).unwrap();
    let mut before = hub.join("ada", Hold::Yielding).unwrap();
    let now = hub.join("ada", Hold::Yielding).unwrap();
    assert_eq!(before.next().await, None);
    drop(before);
    assert_eq!(hub.members(), 2, "the one before takes nothing along");
    assert_eq!(hub.join("own", Hold::Yielding).err(), Some(Refused::Taken));
    assert_eq!(hub.join("bob", Hold::Yielding).err(), Some(Refused::Full));
    assert_eq!(hub.join("", Hold::Yielding).err(), Some(Refused::Name));
    drop(now);
    assert!(hub.join("bob", Hold::Yielding).is_ok());
}

#[test]
fn what_the_hub_says_is_told_from_what_peers_say() {
    let envelope = told("ada", "bob");
    let notice = Notice::unsent("ada", ("bob", "call:x"), Unsent::Absent);
    assert_eq!(notice.payload["type"], "unreachable");
    let read = Notice::read(&notice);
    assert_eq!(read, Some(Notice::Unsent { to: "bob".into(), topic: "call:x".into() }));
    assert_eq!(Notice::read(&envelope), None);
}
