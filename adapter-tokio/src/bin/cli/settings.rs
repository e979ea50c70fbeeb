//! The options that both programs have.

use std::time::Duration;

use mqtt_as_tokio::{QoS, TopicName, Version};

use super::arguments::Arguments;
use super::failure::Failure;
use super::property::PropertyArguments;
use super::way::Way;

/// What the command line says of the connection.
pub(crate) struct Settings {
    pub(crate) way: Way,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) id: Option<String>,
    pub(crate) id_prefix: Option<String>,
    pub(crate) version: Version,
    pub(crate) keepalive: Duration,
    pub(crate) clean: bool,
    /// In seconds; 5.0 only.
    pub(crate) session_expiry: Option<u32>,
    pub(crate) qos: QoS,
    pub(crate) will: Option<WillArguments>,
    /// Messages that may be unacknowledged.
    pub(crate) window: u16,
    pub(crate) properties: PropertyArguments,
    pub(crate) quiet: bool,
    pub(crate) debug: bool,
}

/// The message that the server is to publish when the program is lost.
#[derive(Default)]
pub(crate) struct WillArguments {
    pub(crate) topic: Option<String>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

/// A session that never ends.
const FOR_EVER: u32 = u32::MAX;

impl Default for Settings {
    fn default() -> Self {
        Self {
            way: Way::default(),
            user: None,
            password: None,
            id: None,
            id_prefix: None,
            version: Version::V311,
            keepalive: Duration::from_secs(60),
            clean: true,
            session_expiry: None,
            qos: QoS::AtMostOnce,
            will: None,
            window: 20,
            properties: PropertyArguments::default(),
            quiet: false,
            debug: false,
        }
    }
}

impl Settings {
    pub(crate) const HELP: &'static str = include_str!("help.txt");

    /// Takes one of these options; false if it is none of them.
    pub(crate) fn take(
        &mut self,
        option: &str,
        arguments: &mut Arguments,
    ) -> Result<bool, Failure> {
        match option {
            "-u" | "--username" => self.user = Some(arguments.text()?),
            "-P" | "--pw" => self.password = Some(arguments.bytes()?),
            "-i" | "--id" => self.id = Some(arguments.text()?),
            "-I" | "--id-prefix" => self.id_prefix = Some(arguments.text()?),
            "-V" | "--protocol-version" => self.version = version(arguments)?,
            "-k" | "--keepalive" => {
                self.keepalive = Duration::from_secs(arguments.number(5..=65_535)?);
            }
            "-c" | "--disable-clean-session" => self.clean = false,
            "-x" => self.session_expiry = Some(session_expiry(arguments)?),
            "-q" | "--qos" => self.qos = arguments.qos()?,
            "-M" => self.window = arguments.number(1..=u16::MAX)?,
            "-D" | "--property" => {
                self.properties.take(arguments)?;
                self.version = Version::V5;
            }
            "--quiet" => self.quiet = true,
            "-d" | "--debug" => self.debug = true,
            // It is always so.
            "--nodelay" => {}
            _ => return Ok(self.way.take(option, arguments)? || self.take_will(option, arguments)?),
        }
        Ok(true)
    }

    fn take_will(&mut self, option: &str, arguments: &mut Arguments) -> Result<bool, Failure> {
        if !option.starts_with("--will-") {
            return Ok(false);
        }
        let will = self.will.get_or_insert_default();
        match option {
            "--will-topic" => {
                let topic = arguments.text()?;
                TopicName::new(&topic).map_err(|error| arguments.wrong(error))?;
                will.topic = Some(topic);
            }
            "--will-payload" => will.payload = Some(arguments.bytes()?),
            "--will-qos" => will.qos = arguments.qos()?,
            "--will-retain" => will.retain = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Looks at what belongs together.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.way.check()?;
        let has_id = self.id.is_some();
        if has_id && self.id_prefix.is_some() {
            return Err(Failure::new("-i and -I exclude each other"));
        }
        if self.is_kept() && !has_id {
            return Err(Failure::new("a session that is kept needs a client identifier: -i"));
        }
        let no_topic = |will: &WillArguments| will.topic.is_none();
        if self.will.as_ref().is_some_and(no_topic) {
            return Err(Failure::new("a will needs a topic: --will-topic"));
        }
        Ok(())
    }

    /// Whether the session outlives the program for an unlimited time.
    fn is_kept(&self) -> bool {
        match self.session_expiry {
            Some(seconds) if self.version == Version::V5 => seconds == FOR_EVER,
            _ => !self.clean,
        }
    }
}

fn version(arguments: &mut Arguments) -> Result<Version, Failure> {
    match arguments.text()?.as_str() {
        "5" | "mqttv5" => Ok(Version::V5),
        "311" | "mqttv311" => Ok(Version::V311),
        "31" | "mqttv31" => Err(arguments.wrong("3.1 is not supported: 311 or 5")),
        _ => Err(arguments.wrong("the versions are 311 and 5")),
    }
}

fn session_expiry(arguments: &mut Arguments) -> Result<u32, Failure> {
    match arguments.text()?.as_str() {
        "∞" | "-1" => Ok(FOR_EVER),
        seconds => seconds.parse().map_err(|error| arguments.wrong(error)),
    }
}
