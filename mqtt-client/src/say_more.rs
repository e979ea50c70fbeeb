//! What CONNECT says beside its plain fields: the program's properties, and those of its will.

use mqtt_as_proto::client::OperationError;
use mqtt_as_proto::packet::Connect;

use crate::error::ConnectError;
use crate::property_list::{PropertyList, Section};

/// What there is more to say.
pub(crate) struct More<'m> {
    pub(crate) properties: &'m PropertyList,
    pub(crate) of_will: Option<&'m PropertyList>,
}

/// Adds that to a CONNECT, and says it.
pub(crate) type SayMore =
    fn(&More<'_>, &Connect<'_>, &mut dyn FnMut(&Connect<'_>)) -> Result<(), ConnectError>;

/// Reached through a pointer, so that a program without such properties does not link it.
pub(crate) fn say(
    more: &More<'_>,
    connect: &Connect<'_>,
    say: &mut dyn FnMut(&Connect<'_>),
) -> Result<(), ConnectError> {
    let (mut own, mut of_will) = (Section::new(), Section::new());
    own.add_all(connect.properties)?;
    add_list(&mut own, more.properties)?;
    let mut connect = Connect { properties: own.get(), ..*connect };
    if let (Some(will), Some(list)) = (&mut connect.will, more.of_will) {
        of_will.add_all(will.properties)?;
        add_list(&mut of_will, list)?;
        will.properties = of_will.get();
    }
    say(&connect);
    Ok(())
}

fn add_list<'p>(section: &mut Section<'p>, list: &'p PropertyList) -> Result<(), ConnectError> {
    let list = list.get().map_err(|fault| ConnectError::Invalid(OperationError::Invalid(fault)));
    section.add_all(list?)
}
