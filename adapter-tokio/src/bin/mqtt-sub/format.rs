//! `-F`: what is printed for a message.

use std::iter::Peekable;
use std::str::Chars;

use jiff::Zoned;
use jiff::fmt::strtime;
use mqtt_as_tokio::Message;

use crate::fields::{Field, Shape};

/// What is printed for a message, piece by piece.
pub(crate) struct Format(Vec<Piece>);

enum Piece {
    /// Itself.
    Text(String),
    /// Something of the message.
    Field(Field, Shape),
    /// The local time, as `strftime` writes it.
    Time(String),
}

/// Columns that a field may have.
const WIDEST: usize = 10_000;

impl Format {
    /// Reads a format, or says what is wrong with it.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            pieces.push(match letter {
                '%' => field(&mut rest)?,
                '@' => time(rest.next().ok_or("something is missing behind @")?)?,
                '\\' => Piece::Text(escaped(rest.next())?.to_string()),
                letter => Piece::Text(letter.to_string()),
            });
        }
        Ok(Self(pieces))
    }

    /// Puts a message behind the text.
    pub(crate) fn write(&self, message: &Message, now: &Zoned, text: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(itself) => text.extend_from_slice(itself.as_bytes()),
                Piece::Field(field, shape) => field.write(message, now, *shape, text),
                Piece::Time(format) => {
                    // It was tried when it was read.
                    let time = strtime::format(format, now).unwrap_or_default();
                    text.extend_from_slice(time.as_bytes());
                }
            }
        }
    }
}

/// What stands behind a percent sign.
fn field(rest: &mut Peekable<Chars<'_>>) -> Result<Piece, String> {
    let left = rest.next_if_eq(&'-').is_some();
    let zero = rest.next_if_eq(&'0').is_some();
    let width = number(rest)?;
    let precision = rest.next_if_eq(&'.').map(|_| number(rest)).transpose()?;
    let letter = rest.next().ok_or("a letter is missing behind %")?;
    let field = Field::of(letter).ok_or_else(|| format!("there is no %{letter}"))?;
    Ok(Piece::Field(field, Shape { left, zero, width, precision }))
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Result<usize, String> {
    let mut number = 0;
    while let Some(digit) = rest.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10))
    {
        number = number * 10 + digit as usize;
        if number > WIDEST {
            return Err(format!("{number} columns are too many: {WIDEST} at most"));
        }
    }
    Ok(number)
}

/// A letter of `strftime`; of its forms that a locale chooses those of the locale C.
fn time(letter: char) -> Result<Piece, String> {
    let format = match letter {
        '@' => return Ok(Piece::Text("@".to_owned())),
        'N' => "%9f".to_owned(),
        'c' => "%a %b %e %H:%M:%S %Y".to_owned(),
        'r' => "%I:%M:%S %p".to_owned(),
        'x' => "%m/%d/%y".to_owned(),
        'X' => "%H:%M:%S".to_owned(),
        letter => format!("%{letter}"),
    };
    match strtime::format(&format, &Zoned::now()) {
        Ok(_) => Ok(Piece::Time(format)),
        Err(error) => Err(format!("@{letter}: {error}")),
    }
}

fn escaped(letter: Option<char>) -> Result<char, String> {
    Ok(match letter.ok_or("a letter is missing behind \\")? {
        '\\' => '\\',
        '0' => '\0',
        'a' => '\x07',
        'e' => '\x1b',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        letter => return Err(format!("there is no \\{letter}")),
    })
}
