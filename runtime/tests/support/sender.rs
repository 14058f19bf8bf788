//! A WebSocket that sends a live picture to whoever connects, as the session's own feed does.

use std::net::Ipv4Addr;

use bytes::Bytes;
use futures::SinkExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

/// Chunks that a client which is slow for a moment may be behind.
const WAITING: usize = 1024;

const PICTURE: &str =
    "videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=640,height=360,framerate=25/1";

/// How the picture is sent.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Mpeg1InTs,
    H264InTs,
    Vp8InIvf,
}

pub struct Sender {
    pipeline: gst::Pipeline,
    port: u16,
    server: tokio::task::JoinHandle<()>,
}

impl Format {
    const fn encoder(self) -> &'static str {
        match self {
            Self::Mpeg1InTs => "avenc_mpeg1video bitrate=1500000 gop-size=10 ! mpegtsmux alignment=7",
            Self::H264InTs => {
                "x264enc tune=zerolatency key-int-max=10 speed-preset=ultrafast ! h264parse config-interval=-1 ! mpegtsmux alignment=7"
            }
            Self::Vp8InIvf => "vp8enc deadline=1 keyframe-max-dist=10",
        }
    }
}

impl Sender {
    pub async fn start(format: Format) -> Self {
        gst::init().expect("GStreamer must start");
        let description = format!("{PICTURE} ! {} ! appsink name=out sync=false", format.encoder());
        let pipeline = gst::parse::launch(&description).expect("the pipeline must be known");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("it must be a pipeline");
        let (chunks, _) = broadcast::channel(WAITING);
        let out = pipeline.by_name("out").and_downcast::<AppSink>().expect("it must have an end");
        let sent = chunks.clone();
        let mut number = 0;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map =
                sample.buffer().and_then(|buffer| buffer.map_readable().ok()).ok_or(gst::FlowError::Error)?;
            let chunk = match format {
                Format::Vp8InIvf => framed(&map, number),
                Format::Mpeg1InTs | Format::H264InTs => Bytes::copy_from_slice(&map),
            };
            number += 1;
            // Nobody may be looking.
            let _ = sent.send(chunk);
            Ok(gst::FlowSuccess::Ok)
        });
        out.set_callbacks(callbacks.build());
        pipeline.set_state(gst::State::Playing).expect("the pipeline must start");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let port = listener.local_addr().expect("a listener must have an address").port();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, format, chunks.subscribe()));
            }
        });
        Self { pipeline, port, server }
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.server.abort();
        let _ = self.pipeline.set_state(gst::State::Null);
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

fn framed(frame: &[u8], number: u64) -> Bytes {
    let length = u32::try_from(frame.len()).expect("a frame must be small");
    [&length.to_le_bytes()[..], &number.to_le_bytes(), frame].concat().into()
}
