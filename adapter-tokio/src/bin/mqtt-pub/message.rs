//! One message: where it goes, how, and its payload.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mqtt_as_tokio::{Acknowledgement, Client, Properties, Property, Publish, PublishError, Tokio};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::cli::{Failure, Settings};
use crate::stream::stream;

/// A payload of more bytes goes out as a stream.
pub(crate) const LARGE: u32 = 1024 * 1024;

/// The most that a packet of MQTT may have behind its first bytes.
const MOST: u32 = 268_435_455;

/// A payload.
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// It is read while it is sent.
    File(PathBuf, u32),
}

impl Body {
    /// What is in the file: a large one stays where it is.
    pub(crate) async fn of_file(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: io::Error| Failure::new(format_args!("{}: {error}", path.display()));
        let file = File::open(path).await.map_err(wrong)?;
        let about = file.metadata().await.map_err(wrong)?;
        let len = u32::try_from(about.len()).unwrap_or(u32::MAX);
        if len > MOST {
            return Err(Failure::new(format_args!("{}: {TOO_LARGE}", path.display())));
        }
        if about.is_file() && len > LARGE {
            return Ok(Self::File(path.to_owned(), len));
        }
        read(file).await.map(Self::Bytes).map_err(wrong)
    }

    /// All of standard input: MQTT wants to know its length first.
    pub(crate) async fn of_input() -> Result<Self, Failure> {
        let bytes = read(tokio::io::stdin()).await;
        let bytes = bytes.map_err(|error| Failure::new(format_args!("standard input: {error}")))?;
        if bytes.is_empty() {
            return Err(Failure::new("standard input is empty: -n publishes an empty message"));
        }
        Ok(Self::Bytes(bytes))
    }

    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::Bytes(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Self::File(_, len) => *len,
        }
    }

    pub(crate) async fn open(&self) -> io::Result<Box<dyn AsyncRead + Unpin + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(bytes.as_slice()),
            Self::File(path, len) => Box::new(File::open(path).await?.take(u64::from(*len))),
        })
    }
}

const TOO_LARGE: &str = "MQTT takes at most 268,435,455 bytes";

async fn read(from: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(u64::from(MOST) + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > MOST as usize {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, TOO_LARGE));
    }
    Ok(bytes)
}

/// All of a message but its payload.
pub(crate) struct Message<'o> {
    pub(crate) settings: &'o Settings,
    pub(crate) topic: &'o str,
    pub(crate) retain: bool,
    pub(crate) properties: Properties<'o>,
}

impl<'o> Message<'o> {
    pub(crate) fn new(
        settings: &'o Settings,
        topic: Option<&'o str>,
        retain: bool,
        properties: &'o [Property<'o>],
    ) -> Self {
        let topic = topic.unwrap_or_default();
        Self { settings, topic, retain, properties: properties.into() }
    }

    /// Publishes it with that payload, and waits until the server has it.
    pub(crate) async fn publish(&self, client: &Client, body: &Body) -> Result<(), Failure> {
        let result = match body {
            Body::Bytes(bytes) if body.len() <= LARGE => self.with(client, bytes).await,
            large => stream(client, self, large).await?,
        };
        self.settle(result)
    }

    /// The call that publishes these bytes, however long it takes.
    pub(crate) fn with<'c, 'p>(&self, client: &'c Client, bytes: &'p [u8]) -> Publish<'c, 'p, Tokio>
    where
        'o: 'p,
    {
        client
            .publish(self.topic, bytes)
            .qos(self.settings.qos)
            .retain(self.retain)
            .properties(self.properties)
            .timeout(Duration::ZERO)
    }

    /// A server may refuse a message and go on: as `mosquitto_pub` the program says so, and ends well.
    pub(crate) fn settle(
        &self,
        result: Result<Acknowledgement, PublishError>,
    ) -> Result<(), Failure> {
        match result {
            Ok(how) => self.settings.debug(format_args!("published: {how}")),
            Err(
                error @ (PublishError::Refused(_)
                | PublishError::NeverSent(_)
                | PublishError::Invalid(_)),
            ) => self.settings.warn(error),
            Err(error) => return Err(Failure::new(error)),
        }
        Ok(())
    }
}
