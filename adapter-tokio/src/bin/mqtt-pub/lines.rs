//! Standard input, line by line.

use std::collections::VecDeque;
use std::io;

use mqtt_as_tokio::{Client, Receipt};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::cli::Failure;
use crate::message::{Body, LARGE, Message};

/// Bytes that a line may have: as many as a message of MQTT.
const LONGEST: u64 = 268_435_455;

/// Publishes each line. So many messages are on their way at a time as the settings say: when the
/// server is slow, or away, the program reads no further, and loses nothing.
pub(crate) async fn publish_lines(client: &Client, message: &Message<'_>) -> Result<(), Failure> {
    let mut input = BufReader::new(tokio::io::stdin());
    let mut window = VecDeque::new();
    while let Some(line) = next_line(&mut input).await.map_err(Failure::new)? {
        if line.len() > LARGE as usize {
            settle(message, &mut window, 0).await?;
            message.publish(client, &Body::Bytes(line)).await?;
            continue;
        }
        settle(message, &mut window, usize::from(message.settings.window) - 1).await?;
        match message.with(client, &line).send().await {
            Ok(receipt) => window.push_back(receipt),
            Err(error) => message.settle(Err(error))?,
        }
    }
    settle(message, &mut window, 0).await
}

/// Waits until no more than so many messages are on their way.
async fn settle(
    message: &Message<'_>,
    window: &mut VecDeque<Receipt<'_>>,
    most: usize,
) -> Result<(), Failure> {
    while window.len() > most
        && let Some(receipt) = window.pop_front()
    {
        message.settle(receipt.await)?;
    }
    Ok(())
}

/// The last line need not have an end.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(LONGEST + 1).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && read as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long for MQTT"));
    }
    Ok(Some(line))
}
