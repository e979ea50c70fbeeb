//! What `mqtt-sub` does: it connects, subscribes, prints, and ends.

use std::io::ErrorKind;

use mqtt_as_tokio::{
    Client, Message, Properties, QoS, RetainHandling, SubscriptionOptions, Version,
};
use tokio::io::{AsyncWriteExt, Stdout};

use crate::cli::{Failure, interrupted};
use crate::options::Subscriber;
use crate::printer::Printer;

/// Filters that one call takes.
const AT_ONCE: usize = 16;

/// Messages that are printed at a time.
const BATCH: usize = 64;

/// The largest packet of MQTT.
const LARGEST: u32 = 268_435_460;

/// The exit code of a program that was told to end before it was connected.
const BEFORE_CONNACK: u8 = 255;

/// The exit code when the time is over.
const TIMED_OUT: u8 = 27;

impl Subscriber {
    pub(crate) async fn subscribe(&self) -> Result<(), Failure> {
        let config = self.settings.config()?.maximum_packet_size(LARGEST);
        let mut end = std::pin::pin!(self.end());
        let client = tokio::select! {
            client = self.settings.connect(config, true) => client?,
            _ = &mut end => return Err(Failure::signalled(BEFORE_CONNACK)),
        };
        let (result, was_told) = tokio::select! {
            result = self.work(&client) => (result, false),
            result = &mut end => (result, true),
        };
        tokio::select! {
            () = self.settings.disconnect(&client, was_told) => result,
            code = interrupted() => Err(Failure::signalled(code)),
        }
    }

    /// Somebody tells the program to end, or its time is over.
    async fn end(&self) -> Result<(), Failure> {
        let over = async {
            match self.time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupted() => Ok(()),
            () = over => Err(Failure::with_code(TIMED_OUT, "the time of -W is over")),
        }
    }

    /// Messages may come before the subscription is answered, and more of them than have room: so
    /// they are printed from the beginning.
    async fn work(&self, client: &Client) -> Result<(), Failure> {
        let mut printing = std::pin::pin!(self.print(client));
        let is_wanted = tokio::select! {
            biased;
            is_wanted = self.ask(client) => is_wanted?,
            result = &mut printing => return result,
        };
        if is_wanted { printing.await } else { Ok(()) }
    }

    /// Subscribes and unsubscribes; false if nothing else is to be done.
    async fn ask(&self, client: &Client) -> Result<bool, Failure> {
        let properties = self.settings.properties.subscribe.get();
        let mut is_granted = false;
        for filters in self.filters.chunks(AT_ONCE) {
            let asked: Vec<_> =
                filters.iter().map(|filter| (filter.as_str(), self.options())).collect();
            let granted = client.subscribe_all(&asked, Properties::new(&properties)).await;
            for (filter, result) in filters.iter().zip(granted.map_err(Failure::new)?.results()) {
                is_granted |= result.is_ok();
                match result {
                    Ok(qos) => self.settings.debug(format_args!("{filter}: granted {qos:?}")),
                    Err(reason) => self.settings.warn(format_args!("{filter}: {reason}")),
                }
            }
        }
        let properties = self.settings.properties.unsubscribe.get();
        for filters in self.left.chunks(AT_ONCE) {
            let filters: Vec<_> = filters.iter().map(String::as_str).collect();
            let answer = client.unsubscribe_all(&filters, Properties::new(&properties)).await;
            let answer = answer.map_err(Failure::new)?;
            self.settings.debug(format_args!("unsubscribed: {answer:?}"));
        }
        Ok(is_granted && !self.until_subscribed)
    }

    fn options(&self) -> SubscriptionOptions {
        let mut options = SubscriptionOptions::new(self.settings.qos);
        if self.settings.version != Version::V5 {
            return options; // 3.1.1 knows only the QoS.
        }
        options.retain_as_published = self.retain_as_published;
        if self.no_retained {
            options.retain_handling = RetainHandling::DoNotSend;
        }
        options
    }

    /// Prints what comes, until all that was wanted is printed.
    async fn print(&self, client: &Client) -> Result<(), Failure> {
        let mut queue = client.queue();
        let mut output = tokio::io::stdout();
        let (mut messages, mut text) = (Vec::new(), Vec::new());
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut printer = Printer::of(self);
        // What is taken is acknowledged: so none is taken that is not to be printed.
        while left != 0 && queue.next_many(&mut messages, self.batch(left)).await != 0 {
            for message in messages.drain(..) {
                if self.retained_only && !message.retain() {
                    return Ok(());
                }
                if printer.is_wanted(&message) {
                    self.remove(client, &message).await?;
                    printer.print(&message, &mut text);
                    left -= 1;
                }
            }
            if !write(&mut output, &mut text).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn batch(&self, left: u64) -> usize {
        let most = if self.retained_only { 1 } else { BATCH };
        usize::try_from(left).unwrap_or(most).min(most)
    }

    /// An empty message removes the retained one.
    async fn remove(&self, client: &Client, message: &Message) -> Result<(), Failure> {
        if self.remove_retained && message.retain() {
            let publish = client.publish(message.topic(), "").qos(QoS::AtLeastOnce).retain(true);
            drop(publish.send().await.map_err(Failure::new)?);
        }
        Ok(())
    }
}

/// Writes the text and empties it; false if nobody reads it any more.
async fn write(output: &mut Stdout, text: &mut Vec<u8>) -> Result<bool, Failure> {
    let written = async {
        output.write_all(text).await?;
        output.flush().await
    };
    let result = written.await;
    text.clear();
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true).map_err(Failure::new),
    }
}
