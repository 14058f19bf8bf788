use super::*;
use crate::broadcast::Renditions;
use crate::rtc::negotiate::OFFER;

/// Reached on this machine alone, by so many viewers.
pub(crate) fn on_loopback(max_viewers: usize, shutdown: &CancellationToken) -> Handle {
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let (bind, loops) = ((here, 0).into(), loops_here());
    let config = Config { bind, tcp: TcpPort::Off, announce: vec![here], max_viewers, loops };
    spawn(&config, Metrics::default(), shutdown.clone()).expect("a port must be free")
}

#[tokio::test]
async fn whoever_finds_no_seat_is_told_before_anything_is_made_for_it() {
    let (reception, _) = reception::Reception::new(directory::Directory::new(0), 0, Metrics::default());
    let handle = Handle {
        // With nobody who could admit: the answer comes without asking.
        loops: Loops::nobody(),
        viewer_seats: Seats::new(0),
        publisher_seats: Seats::new(0),
        destination_seats: Seats::new(0),
        call_seats: Seats::new(0),
        audience: Audience::default(),
        local: SocketAddr::from(([127, 0, 0, 1], 9)),
        // No answer could be made either: none would have a candidate.
        announced: Arc::new([]),
        outlets: Outlets::new(std::net::Ipv4Addr::LOCALHOST.into(), reception.clone()),
        relays: Relays::new(reception),
    };
    let media = Renditions::new(&crate::broadcast::Metrics::default());
    let program = Program::of(&media, watch::channel(true).1);
    assert!(matches!(handle.watch("program", &program, OFFER).await, Err(OfferError::Full)));
    assert!(matches!(handle.watch("program", &program, "hello").await, Err(OfferError::Faulty(_))));
}
