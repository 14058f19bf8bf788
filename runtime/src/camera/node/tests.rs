//! The node on a real daemon, read as a page would.

use std::sync::atomic::AtomicUsize;

use understudy_core::spec::{FrameRate, Resolution};

use super::*;
use crate::camera::{daemon, linker};

/// From the reader's start to its first frame: links are made within milliseconds.
const LINKED: Duration = Duration::from_secs(5);
/// Within which a second comes that has all of its frames, whatever else the machine does.
const STEADY: Duration = Duration::from_secs(30);
/// Long enough to tell 30 a second from 15, and that a frame more or less at its ends does not matter.
const WHILE: Duration = Duration::from_secs(1);

/// From a reader's end to the last that PipeWire says of it.
const AFTERMATH: Duration = Duration::from_millis(300);

/// One node at a time: their threads have one name.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const FORMAT: Format = Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY };

/// A consumer of video on a thread of its own. Dropped, it ends.
struct Reader {
    frames: Arc<AtomicUsize>,
    end: channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn start(socket: PathBuf) -> Self {
        let (end, ends) = channel::channel();
        let frames = Arc::new(AtomicUsize::new(0));
        let counter = frames.clone();
        let thread = std::thread::spawn(move || read(&socket, counter, ends).unwrap());
        Self { frames, end, thread: Some(thread) }
    }

    fn frames(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }

    async fn until_linked(&self) {
        let start = Instant::now();
        while self.frames() == 0 {
            assert!(start.elapsed() < LINKED, "no frame came within {LINKED:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Frames a second.
    async fn rate(&self) -> f64 {
        let (start, before) = (Instant::now(), self.frames());
        tokio::time::sleep(WHILE).await;
        (self.frames() - before) as f64 / start.elapsed().as_secs_f64()
    }

    /// For as long as it is measured at once. A machine that does more than this leaves some out meanwhile.
    async fn until_camera_rate(&self, of: &str) {
        let start = Instant::now();
        loop {
            let rate = self.rate().await;
            println!("{rate:.1} frames a second of {of}");
            if (27.0..33.0).contains(&rate) {
                return;
            }
            assert!(start.elapsed() < STEADY, "{rate} frames a second of {of}");
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A thread that already ended takes no command.
        let _ = self.end.send(());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn read(
    socket: &std::path::Path,
    frames: Arc<AtomicUsize>,
    ends: channel::Receiver<()>,
) -> Result<(), pw::Error> {
    pw::init();
    let main = MainLoopRc::new(None)?;
    let context = ContextRc::new(&main, None)?;
    let core = context.connect_rc(Some(properties! { "remote.name" => socket.display().to_string() }))?;
    let asks =
        properties! { "media.type" => "Video", "media.category" => "Capture", "media.role" => "Camera" };
    let stream = StreamRc::new(core, "reader", asks)?;
    let _events = stream
        .add_local_listener::<()>()
        .process(move |stream, ()| {
            let Some(mut buffer) = stream.dequeue_buffer() else { return };
            let whole =
                |data: &mut pw::spa::buffer::Data| data.chunk().size() as usize == FORMAT.size.i420_bytes();
            if buffer.datas_mut().first_mut().is_some_and(whole) {
                frames.fetch_add(1, Ordering::Relaxed);
            }
        })
        .register()?;
    let wants = serialize(Value::Object(offered_format(FORMAT)));
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS;
    stream.connect(Direction::Input, None, flags, &mut [as_pod(&wants)])?;
    let ended = main.clone();
    let _ends = ends.attach(main.loop_(), move |()| ended.quit());
    main.run();
    stream.disconnect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_the_cameras_rate_with_the_slate_and_with_a_source() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon::start(folder.path()).await.unwrap();
    let picture = Picture::new(FORMAT.size);
    let node = start(daemon::socket(folder.path()), FORMAT, picture.clone()).await.unwrap();
    let reader = Reader::start(daemon::socket(folder.path()));
    reader.until_linked().await;
    reader.until_camera_rate("the slate").await;

    let writer = picture.writer();
    let source = tokio::spawn(async move {
        let mut beat = tokio::time::interval(FORMAT.frame_rate.interval());
        for number in 0_u64.. {
            beat.tick().await;
            writer.show(vec![number as u8; FORMAT.size.i420_bytes()].into());
        }
    });
    reader.until_camera_rate("a source").await;
    source.abort();
    drop(reader);
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_linked_once_it_has_settled_also_the_next_one() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon::start(folder.path()).await.unwrap();
    let node = start(daemon::socket(folder.path()), FORMAT, Picture::new(FORMAT.size)).await.unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let reader = Reader::start(daemon::socket(folder.path()));
        reader.until_linked().await;
        let took = began.elapsed();
        println!("linked after {took:?}");
        assert!(took >= linker::SETTLED_AFTER, "{took:?} is too soon for Chromium's capture service");
    }
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
}

/// Waits until it is known whether anybody looks.
async fn until_read(picture: &Picture, read: bool) {
    let mut told = picture.read();
    let found = tokio::time::timeout(LINKED, told.wait_for(|now| *now == read)).await;
    found.unwrap_or_else(|_| panic!("it is not told that it is read: {read}")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_page_looks_is_known_and_nothing_happens_while_none_does() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let _daemon = daemon::start(folder.path()).await.unwrap();
    let picture = Picture::new(FORMAT.size);
    assert!(*picture.read().borrow(), "nobody can tell yet");
    let others = threads("camera");
    let node = start(daemon::socket(folder.path()), FORMAT, picture.clone()).await.unwrap();
    until_read(&picture, false).await;
    let own: Vec<PathBuf> = threads("camera").into_iter().filter(|one| !others.contains(one)).collect();
    assert!(!own.is_empty(), "there is no such thread");
    for _ in 0..2 {
        let reader = Reader::start(daemon::socket(folder.path()));
        until_read(&picture, true).await;
        reader.until_linked().await;
        drop(reader);
        until_read(&picture, false).await;
    }
    // What the last reader leaves behind is told a little later.
    tokio::time::sleep(AFTERMATH).await;
    let wakes = wakes_of(&own);
    tokio::time::sleep(WHILE).await;
    let wakes = wakes_of(&own) - wakes;
    assert!(wakes < 5, "its thread woke {wakes} times");
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
    assert!(*picture.read().borrow(), "nobody can tell any more");
}

/// The threads of this name; other tests may have some as well.
fn threads(name: &str) -> Vec<PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
    let is =
        |task: &PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name);
    tasks.filter(is).collect()
}

/// How often these threads have gone to sleep (proc_pid_status(5)).
fn wakes_of(threads: &[PathBuf]) -> u64 {
    let wakes = |task: &PathBuf| {
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let counted = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        counted.trim().parse::<u64>().ok()
    };
    threads.iter().filter_map(wakes).sum()
}
