//! The camera node: a PipeWire stream that drives itself, on a thread of its own.
//!
//! A frame is pushed the moment a source shows one (2 ms to the page, against 35 ms with a timer); when
//! nothing new comes, the last picture is repeated at the camera's rate. While nobody looks, the thread sleeps.

use std::cell::{Cell, RefCell};
use std::io::Cursor;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use pipewire as pw;
use pw::channel;
use pw::context::ContextRc;
use pw::core::CoreRc;
use pw::loop_::Timeout;
use pw::main_loop::MainLoopRc;
use pw::properties::properties;
use pw::spa::param::ParamType;
use pw::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pw::spa::param::video::VideoFormat;
use pw::spa::pod::serialize::PodSerializer;
use pw::spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use pw::spa::sys;
use pw::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Direction, Fraction, Rectangle, SpaTypes};
use pw::stream::{Stream, StreamFlags, StreamRc, StreamState};
use tokio::sync::oneshot;
use understudy_core::repetition::Repetition;

use super::linker::Linker;
use super::{Error, Format, Picture};

/// What pages see in a list of cameras.
const LABEL: &str = "Virtual Camera";

/// The running node. Dropped, it ends.
pub(super) struct Node {
    commands: channel::Sender<Command>,
    picture: Picture,
    thread: Option<JoinHandle<()>>,
    lost: Option<oneshot::Receiver<String>>,
}

enum Command {
    Push,
    Stop,
}

/// How a thread that starts up tells its starter.
type Ready = oneshot::Sender<Result<(), String>>;

/// Starts the thread; returns when the daemon knows the node.
pub(super) async fn start(socket: PathBuf, format: Format, picture: Picture) -> Result<Node, Error> {
    let (commands, receiver) = channel::channel();
    let (ready, started) = oneshot::channel();
    let (gone, lost) = oneshot::channel();
    let pushed = Arc::new(AtomicBool::new(false));
    let given =
        Given { socket, format, picture: picture.clone(), commands: receiver, pending: pushed.clone() };
    let thread = std::thread::Builder::new()
        .name("camera".into())
        .spawn(move || {
            let why = match run(given, ready) {
                Ok(why) => why,
                Err(error) => error.to_string(),
            };
            // Nobody listens any more when the camera was stopped on purpose.
            drop(gone.send(why));
        })
        .map_err(|error| Error::Node(error.to_string()))?;
    let push = commands.clone();
    picture.on_change(Some(Box::new(move || {
        // One push at a time: the node reads the newest picture anyway.
        if !pushed.swap(true, Ordering::AcqRel) && push.send(Command::Push).is_err() {
            tracing::trace!("the camera node is gone");
        }
    })));
    // Made before the wait: dropped while waiting, it ends the thread.
    let node = Node { commands, picture, thread: Some(thread), lost: Some(lost) };
    match started.await {
        Ok(Ok(())) => Ok(node),
        Ok(Err(why)) => Err(Error::Node(why)),
        Err(_) => Err(Error::Node("PipeWire refused the connection".into())),
    }
}

impl Node {
    pub(super) fn lost(&mut self) -> oneshot::Receiver<String> {
        self.lost.take().unwrap_or_else(|| oneshot::channel().1)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("picture", &self.picture).finish_non_exhaustive()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.picture.on_change(None);
        // A thread that already ended takes no command.
        drop(self.commands.send(Command::Stop));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        // Whether anybody looks is not known any more.
        self.picture.set_read(true);
    }
}

/// What the callbacks of one thread share.
struct Shared {
    picture: Picture,
    streaming: Cell<bool>,
    repeat: Cell<Repetition>,
    linker: RefCell<Linker>,
    ready: RefCell<Option<Ready>>,
    /// Why it is over.
    ended: RefCell<Option<String>>,
}

impl Shared {
    /// The first cause counts.
    fn end(&self, why: impl Into<String>) {
        self.ended.borrow_mut().get_or_insert_with(|| why.into());
    }

    /// A page looks from now on, or none does.
    fn stream(&self, streaming: bool) {
        self.streaming.set(streaming);
        self.picture.set_read(streaming);
    }

    /// Until there is something to do that nobody tells of.
    fn sleep(&self, now: Instant) -> Timeout {
        let repeat = self.streaming.get().then(|| self.repeat.get().due());
        match repeat.into_iter().chain(self.linker.borrow().due()).min() {
            // Whole milliseconds, rounded up: less than one would not sleep at all.
            Some(due) => Timeout::Finite(due.saturating_duration_since(now) + Duration::from_micros(999)),
            None => Timeout::Infinite,
        }
    }

    fn with_repeat<T>(&self, act: impl FnOnce(&mut Repetition) -> T) -> T {
        let mut repeat = self.repeat.get();
        let result = act(&mut repeat);
        self.repeat.set(repeat);
        result
    }
}

/// What the thread is started with.
struct Given {
    socket: PathBuf,
    format: Format,
    picture: Picture,
    commands: channel::Receiver<Command>,
    /// A push is on its way.
    pending: Arc<AtomicBool>,
}

/// Until it is stopped or the daemon goes; why it ended.
fn run(given: Given, ready: Ready) -> Result<String, pw::Error> {
    let Given { socket, format, picture, commands, pending } = given;
    pw::init();
    let main = MainLoopRc::new(None)?;
    let context = ContextRc::new(&main, None)?;
    let remote = properties! { "remote.name" => socket.display().to_string() };
    let core = context.connect_rc(Some(remote))?;
    let shared = Rc::new(Shared {
        picture,
        streaming: Cell::new(false),
        repeat: Cell::new(Repetition::new(format.frame_rate, Instant::now())),
        linker: RefCell::default(),
        ready: RefCell::new(Some(ready)),
        ended: RefCell::new(None),
    });

    let _core_errors = end_with_the_daemon(&core, &shared);
    let registry = core.get_registry_rc()?;
    let _objects = follow_registry(&registry, &shared);
    let stream = StreamRc::new(core.clone(), "camera", stream_properties())?;
    let _events = listen(&stream, &shared, format)?;
    let offer = serialize(Value::Object(offered_format(format)));
    let mut params = [as_pod(&offer)];
    stream.connect(Direction::Output, None, StreamFlags::DRIVER | StreamFlags::MAP_BUFFERS, &mut params)?;

    let _commands = commands.attach(main.loop_(), {
        let (stream, shared) = (stream.clone(), shared.clone());
        move |command| match command {
            Command::Push => {
                pending.store(false, Ordering::Release);
                shared.with_repeat(|repeat| repeat.shown(Instant::now()));
                push(&stream, &shared);
            }
            Command::Stop => shared.end("stopped"),
        }
    });
    while shared.ended.borrow().is_none() {
        main.loop_().iterate(shared.sleep(Instant::now()));
        shared.linker.borrow_mut().link(&core, Instant::now());
        if shared.streaming.get() && shared.with_repeat(|repeat| repeat.is_due(Instant::now())) {
            push(&stream, &shared);
        }
    }
    let why = shared.ended.take().unwrap_or_default();
    // While nobody is in the loop, PipeWire's own thread asks for pictures itself: until the stream is over, and not beyond.
    if let Err(error) = stream.disconnect() {
        tracing::warn!(%error, "the camera node's stream does not end");
    }
    Ok(why)
}

fn push(stream: &Stream, shared: &Shared) {
    if shared.streaming.get()
        && let Err(error) = stream.trigger_process()
    {
        tracing::debug!(%error, "the camera node did not take a frame");
    }
}

fn stream_properties() -> pw::properties::PropertiesBox {
    properties! {
        "media.class" => "Video/Source",
        "media.role" => "Camera",
        "media.type" => "Video",
        "node.name" => "virtual-camera",
        "node.description" => LABEL,
    }
}

/// The connection's own errors end the thread; the session starts camera and daemon again. That something is not there is
/// none of them: a consumer that goes takes its link along, which may be asked to go just then (`core_destroy`).
fn end_with_the_daemon(core: &CoreRc, shared: &Rc<Shared>) -> pw::core::Listener {
    let shared = shared.clone();
    core.add_listener_local()
        .error(move |id, _seq, res, message| {
            if id == pw::core::PW_ID_CORE && res != -(Errno::ENOENT as i32) {
                shared.end(format!("PipeWire went away ({res}, {message})"));
            }
        })
        .register()
}

fn follow_registry(registry: &pw::registry::RegistryRc, shared: &Rc<Shared>) -> pw::registry::Listener {
    let (added, removed) = (shared.clone(), shared.clone());
    registry
        .add_listener_local()
        .global(move |global| added.linker.borrow_mut().add(global, Instant::now()))
        .global_remove(move |id| removed.linker.borrow_mut().remove(id, Instant::now()))
        .register()
}

fn listen(
    stream: &StreamRc,
    shared: &Rc<Shared>,
    format: Format,
) -> Result<pw::stream::StreamListener<()>, pw::Error> {
    let (on_state, picture) = (shared.clone(), shared.picture.clone());
    stream
        .add_local_listener::<()>()
        .state_changed(move |stream, (), old, new| {
            tracing::debug!(?old, ?new, "camera node");
            on_state.stream(new == StreamState::Streaming);
            match new {
                StreamState::Paused | StreamState::Streaming => {
                    on_state.linker.borrow_mut().camera_is(stream.node_id());
                    if let Some(ready) = on_state.ready.take() {
                        drop(ready.send(Ok(())));
                    }
                }
                StreamState::Error(why) => {
                    on_state.end(format!("the camera node failed: {why}"));
                }
                StreamState::Unconnected if old != StreamState::Connecting => {
                    on_state.end("the camera node was taken away");
                }
                _ => {}
            }
        })
        .param_changed(move |stream, (), id, param| {
            if param.is_some()
                && id == ParamType::Format.as_raw()
                && let Err(error) = negotiate_buffers(stream, format)
            {
                tracing::warn!(%error, "the camera's buffers were not accepted");
            }
        })
        .process(move |stream, ()| fill(stream, &picture, format))
        .register()
}

/// Copies the current picture into the next free buffer; without one, this tick is left out.
fn fill(stream: &Stream, picture: &Picture, format: Format) {
    let Some(mut buffer) = stream.dequeue_buffer() else { return };
    let Some(data) = buffer.datas_mut().first_mut() else { return };
    let frame = picture.current();
    let filled = match data.data() {
        Some(space) if space.len() >= frame.len() => {
            space[..frame.len()].copy_from_slice(&frame);
            frame.len()
        }
        _ => 0,
    };
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.size_mut() = u32::try_from(filled).unwrap_or_default();
    *chunk.stride_mut() = i32::try_from(format.size.width()).unwrap_or_default();
}

/// One fixed format: WebRTC drops nodes whose format is a choice.
fn offered_format(format: Format) -> Object {
    object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(FormatProperties::VideoFormat, Id, VideoFormat::I420),
        property!(
            FormatProperties::VideoSize,
            Rectangle,
            Rectangle { width: format.size.width(), height: format.size.height() }
        ),
        property!(
            FormatProperties::VideoFramerate,
            Fraction,
            Fraction { num: format.frame_rate.per_second(), denom: 1 }
        ),
    )
}

fn negotiate_buffers(stream: &Stream, format: Format) -> Result<(), pw::Error> {
    let int = |value: usize| Value::Int(i32::try_from(value).unwrap_or(i32::MAX));
    let choice = |value| Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), value)));
    let memory = (1 << sys::SPA_DATA_MemFd) | (1 << sys::SPA_DATA_MemPtr);
    let buffers = Value::Object(Object {
        type_: SpaTypes::ObjectParamBuffers.as_raw(),
        id: ParamType::Buffers.as_raw(),
        properties: vec![
            Property::new(
                sys::SPA_PARAM_BUFFERS_buffers,
                choice(ChoiceEnum::Range { default: 8, min: 2, max: 16 }),
            ),
            Property::new(sys::SPA_PARAM_BUFFERS_blocks, Value::Int(1)),
            Property::new(sys::SPA_PARAM_BUFFERS_size, int(format.size.i420_bytes())),
            Property::new(sys::SPA_PARAM_BUFFERS_stride, int(format.size.width() as usize)),
            Property::new(
                sys::SPA_PARAM_BUFFERS_dataType,
                choice(ChoiceEnum::Flags { default: memory, flags: vec![] }),
            ),
        ],
    });
    let bytes = serialize(buffers);
    stream.update_params(&mut [as_pod(&bytes)])
}

fn serialize(value: Value) -> Vec<u8> {
    let serialized = PodSerializer::serialize(Cursor::new(Vec::new()), &value);
    serialized.expect("a pod written to memory must serialize").0.into_inner()
}

fn as_pod(bytes: &[u8]) -> &Pod {
    Pod::from_bytes(bytes).expect("a serialized pod must be readable")
}

#[cfg(test)]
mod tests;
