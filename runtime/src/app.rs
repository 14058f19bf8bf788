//! Puts the layers together, runs them, and takes them down in the reverse order.

mod calls;
mod connections;
mod ending;
mod guards;
mod listeners;
mod operator;
mod outward;
mod processes;
mod recordings;
mod rtmp;
mod streamers;
mod tasks;

use std::path::Path;

use anyhow::Context;
use futures::Stream;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::camera::{Mode, choose};
use understudy_core::outputs::PROGRAM;
use understudy_core::participant::Identity;
use understudy_core::report::Stance;
use understudy_core::spec::FrameRate;
use understudy_proto::v1;

use crate::access::{HostNames, Policy};
use crate::broadcast;
use crate::camera::{self, Place};
use crate::config::{Access, Run};
use crate::devtools_proxy::DevtoolsProxy;
use crate::egress::Recorder;
use crate::feed::Feed;
use crate::ingest::Ingest;
use crate::net::Families;
use crate::participant_socket::{self, ParticipantSocket};
use crate::process::Processes;
use crate::scratch::{self, Scratch};
use crate::seats::Seats;
use crate::session::{self, Wanted};
use crate::{admin, api, browser, devtools_proxy, gst, rtc, sound, source, spec};

use guards::Guards;
use listeners::{Entrances, Listeners};
use operator::Able;
use outward::Outward;
use tasks::Tasks;

/// Runs one session until it is told to stop; told so again, it does not wait for the end of what is slow. The environment names `media` as the proxy already.
pub async fn run(
    config: Run,
    media: std::net::TcpListener,
    stop: impl Stream<Item = ()>,
) -> anyhow::Result<()> {
    prepare()?;
    let (first, directory) = (first_session(&config)?, directory()?);
    let shutdown = CancellationToken::new();
    let mut registry = Registry::default();
    gst::register(&mut registry);

    let families = Families::here();
    let Entrances { http, admin, devtools, participant } = Entrances::open(&config, families)?;
    // After them: WebRTC does without TCP where the port is taken, HTTP does not.
    let peers = peers(&config, families, &mut registry, &shutdown)?;

    // Dropped at the end, after everything that fetches through them.
    let socket = config.participant_addresses(families);
    let guards = Guards::start(&config.allow_private_urls, media, http.port, &socket, &mut registry)?;
    let (policy, policies) = watch::channel(initial_policy(&config));
    let outward = Outward::open(&config, peers.clone(), &guards, policies.clone(), &mut registry)?;
    let recorder = recordings::recorder(&config.recordings, &std::env::temp_dir(), &mut registry)?;
    let (mut tasks, hubs) = (Tasks::default(), broadcast::Metrics::default());
    let (around, told) = ((&guards, &outward, hubs.clone()), (&mut registry, &mut tasks));
    let processes = processes::open(&config, around, told, &shutdown)?;
    let ports = ports(&http, &outward);
    let made =
        Made { ports, guards: &guards, outward: &outward, recorder, processes: processes.clone(), hubs };
    let setup = session_config(&config, directory.path(), made)?;
    let able = Able { camera: setup.camera_mode(), page: browser::installed(&config.chromium) };
    register(&setup, &mut registry);
    let (ingest, feed) = (setup.ingest.clone(), setup.feed.clone());
    let (session, task) = start(setup.clone(), &peers, &shutdown);
    let told = (&mut registry, &mut tasks);
    let [streamers, calls] = with_others(&config, (&session, setup, &outward), told, &shutdown)?;
    let surface = api::Surface {
        session: session.clone(),
        whep: outward.router(&config, &session),
        ice_servers: config.ice_servers.clone(),
        policy: policies.clone(),
        devices: devices(&config)?,
        ingest,
        feed,
        transport: peers.clone(),
        programs: outward.programs.clone(),
        streams: streams(&config, outward.rtmp_ports())?,
        recordings: recording_settings(&config)?,
        core: processes::surface(&config, processes, &outward, (&mut tasks, &shutdown))?,
        streamers,
        calls,
        participant_socket_port: participant.port,
        players: config.share_dir.join("players"),
    };
    outward.serve(&shutdown).into_iter().for_each(|(name, serving)| tasks.start(name, serving));
    let surfaces = [
        ("the participant socket", participant, participant_router(&config, &session, http.port)),
        ("DevTools", devtools, devtools_router(&config, &session, policies)),
        ("HTTP", http, api::router(surface)),
        ("health and metrics", admin, admin::router(session.clone(), registry)),
    ];
    serve(surfaces, &shutdown, &mut tasks);
    begin(&session, first).await?;
    if config.control_link {
        let follow = operator::follow(config.link, able, session, policy, shutdown.clone());
        tasks.start("the link to the operator", follow);
    }
    ending::last(task, tasks, || peers.stopped(), stop, shutdown).await
}

fn participant_router(config: &Run, session: &session::Handle, http_port: u16) -> axum::Router {
    participant_socket::router(ParticipantSocket::new(session.clone(), identity(config), http_port))
}

/// What others steer, and by what others are called.
fn with_others(
    config: &Run,
    (session, setup, outward): (&session::Handle, session::Config, &Outward),
    (registry, tasks): (&mut Registry, &mut Tasks),
    shutdown: &CancellationToken,
) -> anyhow::Result<[axum::Router; 2]> {
    let policies = outward.policies();
    let calls = calls::open(config, (session, &setup, outward), (&mut *registry, &mut *tasks), shutdown)?;
    let streamers = streamers::open(config, (session, setup, outward), (registry, tasks), shutdown)?;
    Ok([api::streamers::router(streamers, &policies), api::calls::router(calls, &policies)])
}

fn start(
    setup: session::Config,
    peers: &rtc::Handle,
    shutdown: &CancellationToken,
) -> (session::Handle, tokio::task::JoinHandle<()>) {
    let audience = peers.clone();
    session::start(setup, move |name: &str| audience.viewers(name), shutdown.clone())
}

/// Each with what people call it.
fn serve<const N: usize>(
    surfaces: [(&'static str, Listeners, axum::Router); N],
    shutdown: &CancellationToken,
    tasks: &mut Tasks,
) {
    for (name, listeners, router) in surfaces {
        listeners.serve(&router, shutdown).into_iter().for_each(|serving| tasks.start(name, serving));
    }
}

fn ports(http: &Listeners, outward: &Outward) -> v1::Ports {
    let [rtmp, rtmps] = outward.rtmp_ports().map(|port| port.map_or(0, u32::from));
    let media_udp = outward.peers.local_addr().port().into();
    v1::Ports { http: http.port.into(), media_udp, rtmp, rtmps }
}

fn register(setup: &session::Config, registry: &mut Registry) {
    setup.metrics.register(registry);
    setup.broadcast_metrics.register(registry);
    setup.source_metrics.register(registry);
}

/// Before anything else.
fn prepare() -> anyhow::Result<()> {
    descriptors();
    gst::init()?;
    source::prepare();
    Ok(())
}

/// As many descriptors as connections, sources and children may need together; the usual 1024 are a default for programs that
/// cannot do better. No more: children inherit it, and some of them close each number there is.
fn descriptors() {
    const WANTED: u64 = 16_384;
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| match soft < WANTED.min(hard) {
        true => setrlimit(Resource::RLIMIT_NOFILE, WANTED.min(hard), hard),
        false => Ok(()),
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of descriptors stays as it is");
    }
}

/// Nobody else hears of what is refused of a person's own document.
async fn begin(session: &session::Handle, first: Option<Wanted>) -> anyhow::Result<()> {
    let Some(wanted) = first else { return Ok(()) };
    let refusals = session.want(wanted).await?;
    for v1::Refusal { name, field_path, reason, .. } in &refusals {
        tracing::error!(name, field_path, reason, "a part of the session cannot be carried out");
    }
    anyhow::ensure!(refusals.is_empty(), "the session cannot be run");
    Ok(())
}

/// Its own, and those of processes that were killed are removed: profiles and caches of many starts would fill the disk.
fn directory() -> anyhow::Result<Scratch> {
    let parent = std::env::temp_dir();
    let made = Scratch::new(&parent).context("no writable directory for temporary files")?;
    tokio::spawn(scratch::sweep_for_a_while(parent));
    Ok(made)
}

fn peers(
    config: &Run,
    families: Families,
    registry: &mut Registry,
    shutdown: &CancellationToken,
) -> anyhow::Result<rtc::Handle> {
    let metrics = rtc::Metrics::default();
    metrics.register(registry);
    let (bind, announce) = (config.media_address(families), config.announced(families));
    let tcp = config.media_tcp_port.unwrap_or(rtc::TcpPort::Same);
    let media =
        rtc::Config { bind, tcp, announce, max_viewers: config.max_viewers, loops: rtc::loops_here() };
    rtc::spawn(&media, metrics, shutdown.clone()).with_context(|| format!("cannot listen on UDP {bind}"))
}

/// The session of the file, read before anything starts; without a file, one that says how to drive it.
fn first_session(config: &Run) -> anyhow::Result<Option<Wanted>> {
    let document = match &config.spec {
        _ if config.control_link => return Ok(None),
        Some(path) => read(path)?,
        None => spec::Document { session: welcome(), invitation: None },
    };
    let program = v1::Livestream {
        name: PROGRAM.into(),
        web_rtc: Some(v1::WebRtcOutput {}),
        ..v1::Livestream::default()
    };
    Ok(Some(Wanted {
        generation: 1,
        stance: Stance::Told,
        spec: document.session,
        livestreams: vec![program],
        invitation: document.invitation,
        ..Wanted::default()
    }))
}

fn read(path: &Path) -> anyhow::Result<spec::Document> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document = spec::read(&text).with_context(|| format!("{} is not a session", path.display()))?;
    let cannot_be_run = || format!("{} cannot be run", path.display());
    spec::parse(&document.session).with_context(cannot_be_run)?;
    document.invitation.as_ref().map(spec::invitation).transpose().with_context(cannot_be_run)?;
    Ok(document)
}

fn welcome() -> v1::SessionSpec {
    let page = v1::Page { url: "understudy:welcome".into(), ..v1::Page::default() };
    v1::SessionSpec { page: Some(page), ..v1::SessionSpec::default() }
}

/// As whom the participant socket knows it.
fn identity(config: &Run) -> Identity {
    let pod = config.link.pod_name.as_deref();
    Identity { vp: config.participant.id(pod), task: pod.unwrap_or_default().to_owned() }
}

/// What the platform says of livestreams that are started over HTTP.
fn streams(config: &Run, [rtmp_port, rtmps_port]: [Option<u16>; 2]) -> anyhow::Result<api::StreamSettings> {
    let frame_rate = recordings::frame_rate(&config.recordings)?;
    Ok(api::StreamSettings { frame_rate, rtmp_port, rtmps_port })
}

fn recording_settings(config: &Run) -> anyhow::Result<api::RecordingSettings> {
    let frame_rate = recordings::frame_rate(&config.recordings)?;
    Ok(api::RecordingSettings { frame_rate, limits: recordings::limits(&config.recordings) })
}

/// What the devices are called over HTTP.
fn devices(config: &Run) -> anyhow::Result<api::Devices> {
    let devices = &config.devices;
    Ok(api::Devices {
        video_device: devices.video_device.display().to_string(),
        audio_sink: devices.audio_sink.clone(),
        microphone_source: devices.microphone_source.clone(),
        files: devices.virtual_inputs_dir.clone(),
        size: devices.camera_size()?,
        frame_rate: FrameRate::parse("camera.frameRate", devices.camera_frame_rate)?,
    })
}

/// What a session is given that is there before it.
struct Made<'a> {
    ports: v1::Ports,
    guards: &'a Guards,
    outward: &'a Outward,
    recorder: Recorder,
    processes: Processes,
    hubs: broadcast::Metrics,
}

fn session_config(config: &Run, directory: &Path, made: Made<'_>) -> anyhow::Result<session::Config> {
    let Made { ports, guards, outward, recorder, processes, hubs } = made;
    Ok(session::Config {
        directory: directory.to_owned(),
        chromium: config.chromium.clone(),
        ffmpeg: config.ffmpeg_path.clone().into(),
        processes: Some(processes),
        bundled_media: config.share_dir.join("media"),
        media: config.media_dir.clone(),
        bundled_pages: format!("http://127.0.0.1:{}/pages", ports.http),
        camera: Some(camera_place(config, directory)),
        program: PROGRAM.to_owned(),
        display_number: config.devices.display_number,
        sound: sound::Names {
            sink: config.devices.audio_sink.clone(),
            source: config.devices.microphone_source.clone(),
        },
        camera_size: config.devices.camera_size()?,
        camera_frame_rate: FrameRate::parse("camera.frameRate", config.devices.camera_frame_rate)?,
        has_operator: config.control_link,
        ingest: Ingest::default(),
        feed: Feed::default(),
        ports,
        browser_guard: guards.browser.clone(),
        media_guard: guards.media.clone(),
        programs: outward.programs.clone(),
        senders: outward.senders.clone(),
        recorder,
        recording_limits: recordings::limits(&config.recordings),
        metrics: session::Metrics::default(),
        broadcast_metrics: hubs,
        source_metrics: source::Metrics::default(),
    })
}

/// Decided once: a camera does not change its kind while pages look through it.
fn camera_place(config: &Run, directory: &Path) -> Place {
    let facts = camera::facts(&config.devices.video_device);
    let mode = choose(config.camera.asked(), facts);
    tracing::info!(%mode, asked = ?config.camera, device = facts.device, pipewire = facts.pipewire, "camera");
    match mode {
        Mode::Pipewire => Place::Pipewire { directory: directory.to_owned() },
        Mode::V4l2 => Place::V4l2 { device: config.devices.video_device.clone() },
        Mode::File => Place::File { path: config.devices.virtual_inputs_dir.join("video.y4m") },
    }
}

fn devtools_router(config: &Run, session: &session::Handle, policy: watch::Receiver<Policy>) -> axum::Router {
    let log =
        if config.log_cdp_messages { devtools_proxy::Log::Methods } else { devtools_proxy::Log::Nothing };
    devtools_proxy::router(DevtoolsProxy {
        browser: session.devtools(),
        policy,
        log,
        seats: Seats::new(devtools_proxy::SEATS),
    })
}

fn initial_policy(config: &Run) -> Policy {
    match (config.control_link, config.access) {
        (true, _) => Policy::Waiting,
        (false, Access::Local) => Policy::Local,
        (false, Access::Open) => {
            tracing::warn!("access is open: everybody who reaches the port may watch and steer");
            Policy::Open(HostNames::new(&config.allowed_hosts))
        }
    }
}
