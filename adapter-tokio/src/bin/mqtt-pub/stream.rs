//! A large payload, which goes out while it is read.

use mqtt_as_tokio::{Acknowledgement, Client, PublishError};
use tokio::io::AsyncReadExt;

use crate::cli::Failure;
use crate::message::{Body, Message};
use crate::progress::Progress;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// Publishes a payload piece by piece, and shows how far it is.
pub(crate) async fn stream(
    client: &Client,
    message: &Message<'_>,
    body: &Body,
) -> Result<Result<Acknowledgement, PublishError>, Failure> {
    let mut from = body.open().await.map_err(Failure::new)?;
    let mut progress = Progress::of(body.len(), message.settings.quiet);
    let open = client
        .publish_stream(message.topic, body.len())
        .qos(message.settings.qos)
        .retain(message.retain)
        .properties(message.properties)
        .open();
    let mut stream = match open.await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    let mut piece = vec![0; PIECE];
    loop {
        let len = from.read(&mut piece).await.map_err(Failure::new)?;
        let read = piece.get(..len).unwrap_or_default();
        if read.is_empty() {
            return Ok(stream.finish().await);
        }
        stream.write_all(read).await.map_err(Failure::new)?;
        progress.show(stream.written());
    }
}
