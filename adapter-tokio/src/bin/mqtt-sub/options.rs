//! The options of `mqtt-sub`.

use std::time::Duration;

use mqtt_as_tokio::TopicFilter;

use crate::cli::{Arguments, Failure, Program, Settings};
use crate::format::Format;

/// What to subscribe to, what to print, and when to end.
#[derive(Default)]
pub(crate) struct Subscriber {
    pub(crate) settings: Settings,
    pub(crate) filters: Vec<String>,
    pub(crate) unwanted: Vec<String>,
    pub(crate) left: Vec<String>,
    pub(crate) format: Option<Format>,
    pub(crate) verbose: bool,
    pub(crate) no_newline: bool,
    pub(crate) no_retained: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retained_only: bool,
    pub(crate) remove_retained: bool,
    /// In percent; none prints all.
    pub(crate) share: Option<f64>,
    pub(crate) count: Option<u64>,
    pub(crate) time: Option<Duration>,
    pub(crate) until_subscribed: bool,
}

impl Program for Subscriber {
    const NAME: &'static str = "mqtt-sub";
    const HELP: &'static str = include_str!("help.txt");

    fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }

    fn take(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure> {
        match option {
            "-t" | "--topic" => self.filters.push(filter(arguments)?),
            "-T" | "--filter-out" => self.unwanted.push(filter(arguments)?),
            "-U" | "--unsubscribe" => self.left.push(filter(arguments)?),
            "-F" => self.format = Some(format(arguments)?),
            "-v" | "--verbose" => self.verbose = true,
            "-N" => self.no_newline = true,
            "-R" => self.no_retained = true,
            "--retain-as-published" => self.retain_as_published = true,
            "--retained-only" => self.retained_only = true,
            "--remove-retained" => self.remove_retained = true,
            "--random-filter" => self.share = Some(arguments.number(0.1..=100.0)?),
            "-C" => self.count = Some(arguments.number(1..=u64::MAX)?),
            "-W" => self.time = Some(Duration::from_secs(arguments.number(1..=u32::MAX)?.into())),
            "-E" => self.until_subscribed = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&mut self) -> Result<(), Failure> {
        if let Some(topic) = self.settings.way.take_topic() {
            let wrong = |error| Failure::new(format_args!("-L: {error}"));
            TopicFilter::new(&topic).map_err(wrong)?;
            self.filters.push(topic);
        }
        if self.filters.is_empty() {
            return Err(Failure::new("a topic is missing: -t"));
        }
        if self.no_retained && self.retained_only {
            return Err(Failure::new("-R and --retained-only exclude each other"));
        }
        Ok(())
    }

    async fn run(self) -> Result<(), Failure> {
        self.subscribe().await
    }
}

fn filter(arguments: &mut Arguments) -> Result<String, Failure> {
    let text = arguments.text()?;
    TopicFilter::new(&text).map_err(|error| arguments.wrong(error))?;
    Ok(text)
}

fn format(arguments: &mut Arguments) -> Result<Format, Failure> {
    let text = arguments.text()?;
    Format::of(&text).map_err(|error| arguments.wrong(error))
}
