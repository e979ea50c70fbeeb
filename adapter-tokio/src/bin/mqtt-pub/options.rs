//! The options of `mqtt-pub`, and what it does with them.

use std::time::Duration;

use mqtt_as_tokio::{Client, DownReason, Property, TopicName};

use crate::cli::{Arguments, Failure, Program, Settings, interrupted};
use crate::lines::publish_lines;
use crate::message::{Body, Message};

/// What is to be published, and where to.
#[derive(Default)]
pub(crate) struct Publisher {
    settings: Settings,
    topic: Option<String>,
    source: Option<Source>,
    retain: bool,
    times: Option<u32>,
    delay: Duration,
}

/// Where payloads come from.
enum Source {
    Text(Vec<u8>),
    File(std::path::PathBuf),
    Input,
    Lines,
}

impl Program for Publisher {
    const NAME: &'static str = "mqtt-pub";
    const HELP: &'static str = include_str!("help.txt");

    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }

    fn take(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure> {
        match option {
            "-t" | "--topic" => self.topic = Some(arguments.text()?),
            "-r" | "--retain" => self.retain = true,
            "--repeat" => self.times = Some(arguments.number(1..=u32::MAX)?),
            "--repeat-delay" => {
                self.delay = Duration::from_secs_f64(arguments.number(0.0..=1e9)?);
            }
            _ => return self.take_source(option, arguments),
        }
        Ok(true)
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.topic = self.topic.take().or(self.settings.way.take_topic());
        let topic = self.topic.as_ref().ok_or_else(|| Failure::new("a topic is missing: -t"))?;
        TopicName::new(topic).map_err(|error| Failure::new(format_args!("-t: {error}")))?;
        match self.source {
            Some(_) => Ok(()),
            None => Err(Failure::new("a message is missing: -m, -f, -s, -l or -n")),
        }
    }

    async fn run(self) -> Result<(), Failure> {
        let body = self.body().await?;
        let config = self.settings.config()?;
        let client = tokio::select! {
            // Lines may come for days.
            client = self.settings.connect(config, body.is_none()) => client?,
            code = interrupted() => return Err(Failure::signalled(code)),
        };
        let result = tokio::select! {
            result = self.publish(&client, body) => result,
            code = interrupted() => Err(Failure::signalled(code)),
        };
        tokio::select! {
            () = self.settings.disconnect(&client, false) => result,
            code = interrupted() => Err(Failure::signalled(code)),
        }
    }
}

impl Publisher {
    fn take_source(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure> {
        let source = match option {
            "-m" | "--message" => Source::Text(arguments.bytes()?),
            "-f" | "--file" => Source::File(arguments.value()?.into()),
            "-n" | "--null-message" => Source::Text(Vec::new()),
            "-s" | "--stdin-file" => Source::Input,
            "-l" | "--stdin-line" => Source::Lines,
            _ => return Ok(false),
        };
        if self.source.replace(source).is_some() {
            return Err(arguments.wrong("-m, -f, -s, -l and -n exclude each other"));
        }
        Ok(true)
    }

    /// The one payload; none where each line is one.
    async fn body(&self) -> Result<Option<Body>, Failure> {
        Ok(match &self.source {
            Some(Source::Text(text)) => Some(Body::Bytes(text.clone())),
            Some(Source::File(path)) => Some(Body::of_file(path).await?),
            Some(Source::Input) => Some(Body::of_input().await?),
            Some(Source::Lines) | None => None,
        })
    }

    async fn publish(&self, client: &Client, body: Option<Body>) -> Result<(), Failure> {
        let mut properties = self.settings.properties.publish.get();
        // It is a setting of the client's.
        properties.retain(|property| !matches!(property, Property::TopicAlias(_)));
        let message = Message::new(&self.settings, self.topic.as_deref(), self.retain, &properties);
        let Some(body) = body else { return publish_lines(client, &message).await };
        tokio::select! {
            biased;
            // Nobody opens another connection here.
            reason = client.down() => Err(lost(reason)),
            result = self.repeat(client, &message, &body) => result,
        }
    }

    async fn repeat(
        &self,
        client: &Client,
        message: &Message<'_>,
        body: &Body,
    ) -> Result<(), Failure> {
        message.publish(client, body).await?;
        for _ in 1..self.times.unwrap_or(1) {
            tokio::time::sleep(self.delay).await;
            message.publish(client, body).await?;
        }
        Ok(())
    }
}

fn lost(reason: Option<DownReason>) -> Failure {
    let reason = reason.unwrap_or(DownReason::Disconnected);
    Failure::with_code(Failure::LOST, format_args!("the connection was lost: {reason}"))
}
