//! What CONNECT says beside its plain fields: the program's properties, and those of its will.

use mqtt_as_proto::client::{self, Warning};
use mqtt_as_proto::packet::Connect;
use mqtt_as_proto::{Instant, Property};

use crate::authentication::Authentication;
use crate::error::ConnectError;
use crate::property_list::{PropertyList, Section};

/// What there is more to say.
pub(crate) struct More<'m> {
    pub(crate) properties: &'m PropertyList,
    pub(crate) of_will: Option<&'m PropertyList>,
    pub(crate) authentication: Option<&'m Authentication>,
    /// The first data of that.
    pub(crate) data: Option<&'m [u8]>,
}

type Core = client::Client<'static>;
type Said = Result<Option<Warning>, ConnectError>;

/// Says a CONNECT; without a time it is judged only.
pub(crate) fn say(connect: &Connect<'_>, core: &mut Core, now: Option<Instant>) -> Said {
    let said = match now {
        Some(now) => core.connect(connect, now),
        None => core.check_connect(connect).map(|()| None),
    };
    said.map_err(ConnectError::Invalid)
}

/// Says a CONNECT with more.
pub(crate) type SayMore = fn(&More<'_>, &Connect<'_>, &mut Core, Option<Instant>) -> Said;

/// Reached through a pointer, so that a program that has no more to say does not link it.
pub(crate) fn say_with(
    more: &More<'_>,
    connect: &Connect<'_>,
    core: &mut Core,
    now: Option<Instant>,
) -> Said {
    let (mut own, mut of_will) = (Section::new(), Section::new());
    own.add_all(connect.properties)?;
    add_list(&mut own, more.properties)?;
    if let Some(authentication) = more.authentication {
        own.add(Property::AuthenticationMethod(&authentication.method))?;
    }
    if let Some(data) = more.data {
        own.add(Property::AuthenticationData(data))?;
    }
    let mut connect = Connect { properties: own.get(), ..*connect };
    if let (Some(will), Some(list)) = (&mut connect.will, more.of_will) {
        of_will.add_all(will.properties)?;
        add_list(&mut of_will, list)?;
        will.properties = of_will.get();
    }
    say(&connect, core, now)
}

fn add_list<'p>(section: &mut Section<'p>, list: &'p PropertyList) -> Result<(), ConnectError> {
    let list = list.get().map_err(|fault| ConnectError::Invalid(fault.into()));
    section.add_all(list?)
}
