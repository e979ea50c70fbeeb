//! What a pair is made of.

use mqtt_as_proto::client::{Aliases, Client, Config, Consumer, LogMemory, Memory};
use mqtt_as_proto::{Outbox, Storage};

use crate::broker::BrokerConfig;
use crate::link::LinkConfig;

use super::Plant;

/// What a [`Pair`](super::Pair) is made of.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// The client's settings.
    pub client: Config,
    /// Bytes of its outbox.
    pub outbox: usize,
    /// Bytes of messages and requests on their way out.
    pub outgoing: usize,
    /// Bytes of received messages.
    pub incoming: usize,
    /// Whether that memory is lent, not from the heap, and that for aliases, too.
    pub lent: bool,
    /// The keep-alive in seconds.
    pub keep_alive: u16,
    /// 5.0: the server names the client.
    pub assigned: bool,
    /// 5.0: the Session Expiry Interval of each CONNECT.
    pub session_expiry: Option<u32>,
    /// The broker's settings.
    pub broker: BrokerConfig,
    /// How bad the network is.
    pub link: LinkConfig,
    /// Whether the transport takes what is written in parts, and some of it later.
    pub partial_writes: bool,
    /// A fault to plant between the two.
    pub plant: Option<Plant>,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            client: Config::default(),
            outbox: 64 * 1024,
            outgoing: 1 << 20,
            incoming: 1 << 21,
            lent: false,
            keep_alive: 60,
            assigned: false,
            session_expiry: None,
            broker: BrokerConfig::default(),
            link: LinkConfig::default(),
            partial_writes: false,
            plant: None,
        }
    }
}

/// Processes of one program, one after the other, that find memory to be lent.
const PROCESSES: usize = 4;

/// Memory to be lent to a client, and to the client of each process that follows it.
#[derive(Debug, Default)]
pub struct Arena {
    processes: [Lent; PROCESSES],
}

#[derive(Debug, Default)]
pub(super) struct Lent {
    outboxes: [Vec<u8>; 2],
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    aliases: [Vec<u8>; 2],
}

/// What is left of it for processes to come.
pub(super) type Rest<'m> = std::slice::IterMut<'m, Lent>;

impl Arena {
    /// As much as each process needs.
    pub(super) fn fit(&mut self, config: &PairConfig) -> Rest<'_> {
        for lent in self.processes.iter_mut().filter(|_| config.lent) {
            lent.outboxes = [vec![0; config.outbox], vec![0; config.outbox]];
            lent.outgoing = vec![0; config.outgoing];
            lent.incoming = vec![0; config.incoming];
            // The longest topics, and what stands before each.
            let longest = config.client.maximum_packet_size as usize + 16;
            let coming = usize::from(config.client.topic_alias_maximum);
            lent.aliases = [vec![0; coming * longest], vec![0; 200]];
        }
        self.processes.iter_mut()
    }
}

/// A new client, and the outbox of its driver. None if nothing more is left to lend.
pub(super) fn new_client<'m>(
    config: &PairConfig,
    rest: &mut Rest<'m>,
) -> Option<(Client<'m>, Outbox<'m>)> {
    let settings = &config.client;
    let mut memory = Memory::heap(settings, config.outbox, config.outgoing, config.incoming);
    let mut out = Outbox::new(Storage::owned(config.outbox));
    if config.lent {
        let lent = rest.next()?;
        let [ours, drivers] = &mut lent.outboxes;
        memory.outbox = Storage::borrowed(ours);
        memory.outgoing = LogMemory::borrowed(&mut lent.outgoing);
        memory.incoming = LogMemory::borrowed(&mut lent.incoming);
        let [coming, going] = &mut lent.aliases;
        let coming = LogMemory::borrowed(coming);
        let aliases = Aliases::new(coming, LogMemory::borrowed(going));
        if let [both] = memory.aliases.as_mut_slice() {
            *both = aliases;
        }
        out = Outbox::new(Storage::borrowed(drivers));
    }
    settings.check(&memory).expect("settings that fit");
    let mut client = Client::new(settings.clone(), memory);
    client.activate(Consumer::Queue);
    Some((client, out))
}
