//! Which part starts, stops and is mended when.

use super::{Effect::*, Event, Part::*, *};

/// Wants everything and reports each start as done until nothing more is asked.
fn all_up(now: Instant) -> Parts {
    all_up_with(Mode::Pipewire, now)
}

fn all_up_with(camera: Mode, now: Instant) -> Parts {
    let mut parts = Parts::new(camera);
    let mut todo: Vec<_> = Part::ALL.into_iter().flat_map(|p| parts.on(Event::Want(p), now)).collect();
    while let Some(effect) = todo.pop() {
        if let Start(part) = effect {
            todo.extend(parts.on(Event::Started(part), now));
        }
    }
    assert!(parts.all().all(|p| parts.is_up(p)));
    parts
}

#[test]
fn a_part_starts_once_all_it_needs_is_up() {
    let now = Instant::now();
    let mut parts = Parts::new(Mode::Pipewire);
    assert_eq!(parts.on(Event::Want(Browser), now), []);
    assert_eq!(parts.on(Event::Want(Display), now), [Start(Display)]);
    assert_eq!(parts.on(Event::Want(Bus), now), [Start(Bus)]);
    assert_eq!(parts.on(Event::Started(Display), now), []);
    assert_eq!(parts.on(Event::Started(Bus), now), [Start(Browser)]);
}

#[test]
fn the_loss_of_the_display_restarts_the_browser_after_it() {
    let now = Instant::now();
    let mut parts = all_up(now);
    let effects = parts.on(Event::Lost(Display, "signal 9".into()), now);
    let failed = Failed { part: Display, loss: Loss::Gone };
    assert_eq!(effects, [failed, Stop(Page), Stop(Browser), Stop(Display)]);
    let later = now + Duration::from_millis(250);
    assert_eq!(parts.on(Event::Tick, later), [Start(Display)]);
    assert_eq!(parts.on(Event::Started(Display), later), [Restored(Display), Start(Browser)]);
    assert_eq!(parts.on(Event::Started(Browser), later), [Start(Page)]);
}

#[test]
fn the_return_of_sound_mends_the_browser_and_loads_the_page_again() {
    let now = Instant::now();
    let mut parts = all_up(now);
    let failed = Failed { part: Sound, loss: Loss::Gone };
    assert_eq!(parts.on(Event::Lost(Sound, "signal 9".into()), now), [failed, Stop(Sound)]);
    assert!(parts.is_up(Browser));
    let later = now + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, later), [Start(Sound)]);
    let effects = parts.on(Event::Started(Sound), later);
    assert_eq!(effects, [Restored(Sound), Mend { part: Browser, returned: Sound }, Stop(Page), Start(Page)]);
}

#[test]
fn the_loss_of_pipewire_takes_the_camera_along_and_its_return_mends_the_browser() {
    let now = Instant::now();
    let mut parts = all_up(now);
    let failed = Failed { part: Pipewire, loss: Loss::Gone };
    assert_eq!(parts.on(Event::Lost(Pipewire, "gone".into()), now), [failed, Stop(Camera), Stop(Pipewire)]);
    let later = now + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, later), [Start(Pipewire)]);
    assert_eq!(parts.on(Event::Started(Pipewire), later), [Restored(Pipewire), Start(Camera)]);
    let effects = parts.on(Event::Started(Camera), later);
    assert_eq!(effects, [Mend { part: Browser, returned: Camera }, Stop(Page), Start(Page)]);
}

/// Starts everything while `broken` never starts: what was started.
fn started_without(broken: Part, now: &mut Instant, parts: &mut Parts) -> Vec<Part> {
    let mut effects: Vec<_> = Part::ALL.into_iter().flat_map(|p| parts.on(Event::Want(p), *now)).collect();
    let mut started = Vec::new();
    for _ in 0..20 {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Start(part) if part == broken => {
                    effects.extend(parts.on(Event::Lost(part, "no".into()), *now));
                }
                Start(part) => {
                    started.push(part);
                    effects.extend(parts.on(Event::Started(part), *now));
                }
                _ => {}
            }
        }
        *now += Duration::from_secs(1);
        effects.extend(parts.on(Event::Tick, *now));
    }
    started
}

#[test]
fn the_browser_does_not_wait_for_ever_for_a_camera_that_cannot_start() {
    for broken in [Camera, Pipewire, Sound] {
        let (mut now, mut parts) = (Instant::now(), Parts::new(Mode::Pipewire));
        assert!(started_without(broken, &mut now, &mut parts).contains(&Page), "without {broken:?}");
    }
}

#[test]
fn a_browser_that_was_started_without_the_camera_begins_again_with_it() {
    let (mut now, mut parts) = (Instant::now(), Parts::new(Mode::Pipewire));
    started_without(Camera, &mut now, &mut parts);
    assert_eq!(parts.slot(Browser).without, [Camera]);
    now += Duration::from_secs(60);
    assert_eq!(parts.on(Event::Tick, now), [Start(Camera)]);
    assert_eq!(parts.on(Event::Started(Camera), now), [Stop(Page), Stop(Browser), Start(Browser)]);
    assert_eq!(parts.slot(Browser).without, []);
}

#[test]
fn a_browser_that_is_starting_when_sound_returns_starts_again() {
    let now = Instant::now();
    let mut parts = all_up(now);
    parts.on(Event::Lost(Browser, "crash".into()), now);
    let later = now + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, later), [Start(Browser)]);
    parts.on(Event::Lost(Sound, "signal 9".into()), later);
    let back = later + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, back), [Start(Sound)]);
    assert_eq!(parts.on(Event::Started(Sound), back), [Restored(Sound), Stop(Browser), Start(Browser)]);
}

#[test]
fn an_old_failure_is_forgotten_once_the_part_is_up_or_dropped() {
    let now = Instant::now();
    let mut parts = Parts::new(Mode::Pipewire);
    parts.on(Event::Want(Sound), now);
    parts.on(Event::Lost(Sound, "no".into()), now);
    let later = now + Duration::from_secs(1);
    parts.on(Event::Tick, later);
    parts.on(Event::Started(Sound), later);
    assert_eq!((parts.slot(Sound).why.as_str(), parts.slot(Sound).failures), ("", 1));
    parts.on(Event::Drop(Sound), later);
    assert_eq!(parts.slot(Sound), &Slot::default());
}

#[test]
fn an_ordinary_change_is_no_loss_and_nothing_is_said_to_be_back() {
    let now = Instant::now();
    let mut parts = all_up(now);
    let effects = parts.on(Event::Renew(Display), now);
    assert_eq!(effects, [Stop(Page), Stop(Browser), Stop(Display), Start(Display)]);
    assert_eq!(parts.on(Event::Started(Display), now), [Start(Browser)]);
}

#[test]
fn failures_back_off_and_are_forgiven_after_a_steady_while() {
    let now = Instant::now();
    let mut parts = Parts::new(Mode::Pipewire);
    parts.on(Event::Want(Display), now);
    parts.on(Event::Lost(Display, "a".into()), now);
    assert_eq!(parts.deadline(), Some(now + Duration::from_millis(250)));
    let t = now + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, t), [Start(Display)]);
    parts.on(Event::Lost(Display, "b".into()), t);
    assert_eq!(parts.slot(Display).failures, 2);
    let t = t + Duration::from_secs(1);
    parts.on(Event::Tick, t);
    parts.on(Event::Started(Display), t);
    parts.on(Event::Lost(Display, "c".into()), t + STEADY);
    assert_eq!(parts.slot(Display).failures, 1);
}

#[test]
fn a_start_that_takes_too_long_has_failed() {
    let now = Instant::now();
    let mut parts = Parts::new(Mode::Pipewire);
    parts.on(Event::Want(Sound), now);
    let deadline = parts.deadline().unwrap();
    let failed = Failed { part: Sound, loss: Loss::Unstarted };
    assert_eq!(parts.on(Event::Tick, deadline), [failed, Stop(Sound)]);
    assert_eq!(parts.slot(Sound).why, "did not start within 10 s");
    assert_eq!(parts.on(Event::Started(Sound), deadline), [], "a late echo changes nothing");
}

#[test]
fn dropping_the_browser_leaves_the_devices_alone() {
    let now = Instant::now();
    let mut parts = all_up(now);
    assert_eq!(parts.on(Event::Drop(Browser), now), [Stop(Page), Stop(Browser)]);
    assert!(parts.is_up(Camera) && parts.is_up(Sound));
}

#[test]
fn a_renewed_page_is_loaded_again() {
    let now = Instant::now();
    let mut parts = all_up(now);
    assert_eq!(parts.on(Event::Renew(Page), now), [Stop(Page), Start(Page)]);
}

#[test]
fn only_the_camera_of_pipewire_needs_pipewire() {
    let has_pipewire = |camera| all_up_with(camera, Instant::now()).is_wanted(Pipewire);
    assert_eq!([Mode::Pipewire, Mode::V4l2, Mode::File].map(has_pipewire), [true, false, false]);
}

#[test]
fn a_camera_that_is_a_device_or_a_file_starts_at_once_and_survives_the_bus() {
    for camera in [Mode::V4l2, Mode::File] {
        let now = Instant::now();
        let mut parts = Parts::new(camera);
        assert_eq!(parts.on(Event::Want(Camera), now), [Start(Camera)]);
        let mut parts = all_up_with(camera, now);
        parts.on(Event::Lost(Bus, "gone".into()), now);
        assert!(parts.is_up(Camera) && !parts.is_up(Browser), "{camera}");
    }
}

#[test]
fn the_return_of_a_device_mends_the_browser_as_that_of_pipewire_does() {
    let now = Instant::now();
    let mut parts = all_up_with(Mode::V4l2, now);
    let failed = Failed { part: Camera, loss: Loss::Gone };
    assert_eq!(parts.on(Event::Lost(Camera, "gone".into()), now), [failed, Stop(Camera)]);
    let later = now + Duration::from_secs(1);
    assert_eq!(parts.on(Event::Tick, later), [Start(Camera)]);
    let effects = parts.on(Event::Started(Camera), later);
    assert_eq!(
        effects,
        [Restored(Camera), Mend { part: Browser, returned: Camera }, Stop(Page), Start(Page)]
    );
}

#[test]
fn the_same_cause_again_is_no_news_until_it_changes_or_the_part_was_back() {
    let mut now = Instant::now();
    let mut parts = all_up(now);
    parts.on(Event::Renew(Page), now);
    let mut fail = |parts: &mut Parts, why: &str| {
        let effects = parts.on(Event::Lost(Page, why.into()), now);
        now = parts.deadline().unwrap();
        parts.on(Event::Tick, now);
        effects[0]
    };
    let failed = |loss| Failed { part: Page, loss };
    assert_eq!(fail(&mut parts, "no such name"), failed(Loss::Unstarted));
    assert_eq!(fail(&mut parts, "no such name"), failed(Loss::UnstartedAgain));
    assert_eq!(fail(&mut parts, "refused"), failed(Loss::Unstarted));
    assert_eq!(fail(&mut parts, "refused"), failed(Loss::UnstartedAgain));
    parts.on(Event::Started(Page), Instant::now());
    assert_eq!(fail(&mut parts, "crashed"), failed(Loss::Gone));
    assert_eq!(fail(&mut parts, "refused"), failed(Loss::Unstarted));
}
