//! A WebSocket that sends a live picture to whoever connects, as the session's own feed does.

use std::net::Ipv4Addr;

use bytes::Bytes;
use futures::SinkExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::client;

/// Chunks that a client which is slow for a moment may be behind.
const WAITING: usize = 1024;

const PICTURE: &str =
    "videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=640,height=360,framerate=25/1";

const H264: &str = "x264enc tune=zerolatency key-int-max=10 speed-preset=ultrafast ! h264parse config-interval=-1 ! mpegtsmux alignment=7";
const VP8: &str = "vp8enc deadline=1 keyframe-max-dist=10";

/// What ffmpeg's output is cut into, as clients do that know nothing of packets.
const PIECE: usize = 10_000;

/// How the picture is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Mpeg1InTs,
    Mpeg2InTs,
    H264InTs,
    Vp8InIvf,
}

pub struct Sender {
    _encoder: Encoder,
    port: u16,
    server: JoinHandle<()>,
}

/// Whatever encodes; dropped, it ends.
enum Encoder {
    Pipeline(gst::Pipeline),
    Program(JoinHandle<()>),
}

impl Sender {
    pub async fn start(format: Format) -> Self {
        gst::init().expect("GStreamer must start");
        let chunks = broadcast::Sender::new(WAITING);
        let encoder = match format {
            Format::Mpeg1InTs => Encoder::ffmpeg("mpeg1video", chunks.clone()),
            Format::Mpeg2InTs => Encoder::ffmpeg("mpeg2video", chunks.clone()),
            Format::H264InTs => Encoder::pipeline(H264, chunks.clone(), |picture, _| picture),
            Format::Vp8InIvf => Encoder::pipeline(VP8, chunks.clone(), framed),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let port = listener.local_addr().expect("a listener must have an address").port();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, format, chunks.subscribe()));
            }
        });
        Self { _encoder: encoder, port, server }
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }
}

impl Encoder {
    fn pipeline(
        encoder: &str,
        chunks: broadcast::Sender<Bytes>,
        wrap: impl Fn(Bytes, u64) -> Bytes + Send + 'static,
    ) -> Self {
        let description = format!("{PICTURE} ! {encoder} ! appsink name=out sync=false");
        let pipeline = gst::parse::launch(&description).expect("the pipeline must be known");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("it must be a pipeline");
        let out = pipeline.by_name("out").and_downcast::<AppSink>().expect("it must have an end");
        let mut number = 0;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map =
                sample.buffer().and_then(|buffer| buffer.map_readable().ok()).ok_or(gst::FlowError::Error)?;
            // Nobody may be looking.
            let _ = chunks.send(wrap(Bytes::copy_from_slice(&map), number));
            number += 1;
            Ok(gst::FlowSuccess::Ok)
        });
        out.set_callbacks(callbacks.build());
        pipeline.set_state(gst::State::Playing).expect("the pipeline must start");
        Self::Pipeline(pipeline)
    }

    /// As the manual prepares it.
    fn ffmpeg(codec: &str, chunks: broadcast::Sender<Bytes>) -> Self {
        let mut program = client::ffmpeg(&format!(
            "-re -f lavfi -i testsrc2=size=640x360:rate=25 -c:v {codec} -b:v 1500k -g 10 -f mpegts -"
        ));
        let mut out = program.stdout.take().expect("its output must be piped");
        Self::Program(tokio::spawn(async move {
            let _program = program;
            let mut piece = vec![0; PIECE];
            while out.read_exact(&mut piece).await.is_ok() {
                let _ = chunks.send(Bytes::copy_from_slice(&piece));
            }
        }))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        match self {
            Self::Pipeline(pipeline) => drop(pipeline.set_state(gst::State::Null)),
            Self::Program(task) => task.abort(),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, format: Format, mut chunks: broadcast::Receiver<Bytes>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    if matches!(format, Format::Vp8InIvf) {
        let _ = socket.send(Message::text("ivf")).await;
        let _ = socket.send(Message::binary(header())).await;
    }
    while let Ok(chunk) = chunks.recv().await {
        if socket.send(Message::binary(chunk)).await.is_err() {
            return;
        }
    }
}

/// The header of an IVF file of VP8.
fn header() -> Bytes {
    let mut header = b"DKIF\0\0\x20\0VP80".to_vec();
    header.extend(640u16.to_le_bytes());
    header.extend(360u16.to_le_bytes());
    header.extend(25u32.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    header.resize(32, 0);
    header.into()
}

fn framed(frame: Bytes, number: u64) -> Bytes {
    let length = u32::try_from(frame.len()).expect("a frame must be small");
    [&length.to_le_bytes()[..], &number.to_le_bytes(), &frame].concat().into()
}
