//! The words of the command line, one by one.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use lexopt::{Arg, Parser};
use mqtt_as_tokio::QoS;

use super::failure::Failure;

/// The words of the command line: options, and the values behind them.
pub(crate) struct Arguments {
    parser: Parser,
    /// The option that was taken last, as it was written: for what is said about its value.
    option: String,
}

impl Arguments {
    pub(crate) fn of_program() -> Self {
        Self { parser: Parser::from_env(), option: String::new() }
    }

    /// Returns the next option, with its dashes.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Failure> {
        let option = match self.parser.next().map_err(Failure::new)? {
            None => return Ok(None),
            Some(Arg::Short(letter)) => format!("-{letter}"),
            Some(Arg::Long(name)) => format!("--{name}"),
            Some(Arg::Value(value)) => {
                return Err(Failure::new(format_args!("{value:?} belongs to no option")));
            }
        };
        self.option.clone_from(&option);
        Ok(Some(option))
    }

    /// Returns the value of the option; of one with several, the next.
    pub(crate) fn value(&mut self) -> Result<OsString, Failure> {
        self.parser.value().map_err(|_| self.wrong("a value is missing"))
    }

    pub(crate) fn text(&mut self) -> Result<String, Failure> {
        let value = self.value()?;
        value.into_string().map_err(|value| self.wrong(format_args!("{value:?} is not UTF-8")))
    }

    /// Returns a value that need not be text.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Failure> {
        self.value().map(OsString::into_encoded_bytes)
    }

    /// Returns a number within these bounds.
    pub(crate) fn number<T>(&mut self, bounds: RangeInclusive<T>) -> Result<T, Failure>
    where
        T: FromStr + PartialOrd + Display,
    {
        let text = self.text()?;
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        let (least, most) = bounds.into_inner();
        let wanted = format_args!("{text:?} is not a number from {least} to {most}");
        number.ok_or_else(|| self.wrong(wanted))
    }

    pub(crate) fn qos(&mut self) -> Result<QoS, Failure> {
        let number = self.number(0..=2)?;
        QoS::from_bits(number).ok_or_else(|| self.wrong("there are QoS 0, 1 and 2"))
    }

    /// Something is wrong with the option or its value.
    pub(crate) fn wrong(&self, what: impl Display) -> Failure {
        Failure::new(format_args!("{}: {what}", self.option))
    }
}
