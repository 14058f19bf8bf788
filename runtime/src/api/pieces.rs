//! Files that are sent piece by piece.

use std::io;

use axum::body::Body;
use bytes::BytesMut;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, Take};

/// What is read of a file at a time, in bytes.
const PIECE: usize = 64 << 10;

/// So much of it; more may come meanwhile.
pub(super) fn body(file: Take<File>) -> Body {
    Body::from_stream(futures::stream::try_unfold(file, |mut file| async {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, io::Error>((read > 0).then_some((piece, file)))
    }))
}
