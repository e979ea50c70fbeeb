//! The settings that a client keeps.

use mqtt_as_proto::{Properties, Property};

use crate::apart::Apart;
use crate::authentication::{Authenticating, Authentication};
use crate::error::ConnectError;
use crate::held::{Binary, Text};
use crate::property_list::PropertyList;
use crate::retries::{Policy, Retries};
use crate::say_more::{self, More, SayMore};
use crate::server::{self, NoHost};
use crate::will::Will;

/// The settings that a client keeps beside those of its core. The others have done their work when
/// it is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) server: Text,
    /// 0 until the client is made, if the program has set none.
    pub(crate) port: u16,
    /// The name of the server is that of a host.
    pub(crate) takes_host: bool,
    /// Why it is none, if it has changed since.
    pub(crate) no_server: Option<NoHost>,
    pub(crate) client_id: Text,
    pub(crate) user: Option<Text>,
    pub(crate) password: Option<Binary>,
    /// In seconds.
    pub(crate) keepalive: u32,
    pub(crate) will: Option<Apart<Will>>,
    pub(crate) clean_init: bool,
    pub(crate) session_expiry: Option<u32>,
    /// Makes properties of CONNECT from a list: set where there are any, so that others do not link
    /// what lists take.
    pub(crate) of_list: MakeProperties,
    /// Properties of CONNECT that the program gave.
    pub(crate) properties: PropertyList,
    pub(crate) authentication: Option<Apart<Authentication>>,
    /// What is done with that: there is something where there is one, so that others do not link it.
    pub(crate) authenticating: Option<&'static Authenticating>,
    /// Adds all that to CONNECT, and the properties of the will: set where there is any of it.
    pub(crate) say_more: Option<SayMore>,
    pub(crate) while_down: WhileDown,
    /// When and where to connect again.
    pub(crate) policy: Option<Policy>,
    /// What that does, in the same way.
    pub(crate) retries: Option<&'static Retries>,
}

pub(crate) type MakeProperties = for<'p> fn(&'p [Property<'p>]) -> Properties<'p>;

impl Settings {
    /// Those of a program that sets none.
    pub(crate) fn new(server: Text) -> Self {
        Self {
            server,
            port: 0,
            takes_host: false,
            no_server: None,
            client_id: Text::default(),
            user: None,
            password: None,
            keepalive: 60,
            will: None,
            clean_init: false,
            session_expiry: None,
            of_list: NO_PROPERTIES,
            properties: PropertyList::new(),
            authentication: None,
            authenticating: None,
            say_more: None,
            while_down: WhileDown::default(),
            policy: None,
            retries: None,
        }
    }

    /// Takes the name of the server apart when the client is made.
    pub(crate) fn take_apart(&mut self) -> Result<(), NoHost> {
        self.takes_host = true;
        let mut port = Some(self.port).filter(|port| *port != 0);
        server::take_apart(&mut self.server, &mut port)?;
        self.port = port.unwrap_or(0);
        Ok(())
    }

    /// What is wrong with settings that have changed since the client was made: nothing is to be opened
    /// for them.
    pub(crate) fn fault(&self) -> Option<ConnectError> {
        if let Some(error) = self.no_server {
            return Some(ConnectError::Config(error.into()));
        }
        let seconds = self.keepalive;
        (seconds > u32::from(u16::MAX)).then_some(ConnectError::KeepAlive { seconds })
    }

    /// CONNECT has a property of the client's.
    pub(crate) fn has_own(&mut self) {
        self.of_list = OF_LIST;
    }

    /// CONNECT, or its will, has properties of the program's.
    pub(crate) fn has_more(&mut self) {
        self.say_more = Some(say_more::say_with);
    }

    /// What there is more to say in CONNECT.
    pub(crate) fn more<'m>(&'m self, data: Option<&'m [u8]>) -> More<'m> {
        let of_will = self.will.as_ref().map(|will| &will.properties);
        More {
            properties: &self.properties,
            of_will,
            authentication: self.authentication.as_deref(),
            data,
        }
    }
}

const NO_PROPERTIES: MakeProperties = |_| Properties::NONE;
const OF_LIST: MakeProperties = |list| Properties::new(list);

/// What a publish does while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhileDown {
    /// It waits in the store for the next connection.
    #[default]
    Queue,
    /// It fails at once.
    Refuse,
}
