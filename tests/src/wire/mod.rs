//! A network for embassy on this machine: two stacks in one process, joined by a software wire.
//!
//! One is the client's. The other is a gateway's, which forwards TCP connections to ports of
//! 127.0.0.1: a half-close, a reset and a refusal on one side are one on the other. It answers DNS,
//! too. Frames may be lost, so that TCP has to recover. No privileges are needed, and any number of
//! wires may be there, each in the thread that made it.
//!
//! ```
//! use embassy_net::tcp::TcpSocket;
//! use mqtt_as_tests::wire::Wire;
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
//! let port = listener.local_addr().expect("an address").port();
//! let wire = Wire::new();
//! wire.forward(port);
//! wire.run(async {
//!     let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
//!     let mut socket = TcpSocket::new(wire.stack(), &mut rx, &mut tx);
//!     socket.connect((Wire::ADDRESS, port)).await.expect("a connection");
//! });
//! ```

mod bridge;
mod names;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::{Future, pending};
use std::net::Ipv4Addr;
use std::rc::Rc;

use async_executor::LocalExecutor;
pub use async_executor::Task;
use async_io::block_on;
pub use embassy_net::Stack;
use embassy_net::{Config, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_driver_channel as channel;
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};

use crate::random::Random;
use bridge::Bridges;

/// Bytes of the largest frame: an IP packet, as there is no Ethernet around it. TCP's segments are of
/// 512 bytes then: two of them, which TCP acknowledges at once, fit into buffers of one kibibyte.
const MTU: usize = 552;

/// Frames that the wire holds, per direction and end.
const FRAMES: usize = 16;

/// Sockets of a stack.
const SOCKETS: usize = 64;

/// The client's address.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

type End = channel::Runner<'static, MTU>;

/// Two stacks and the wire between them. Dropping it pulls the plug: all connections are cut.
pub struct Wire {
    stack: Stack<'static>,
    executor: Rc<LocalExecutor<'static>>,
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    ports: RefCell<BTreeSet<u16>>,
    names: RefCell<BTreeMap<String, Vec<Ipv4Addr>>>,
    /// One in so many frames is lost, by that chance.
    loss: RefCell<Option<(u64, Random)>>,
    unplugged: Cell<bool>,
    lost: Cell<u64>,
}

impl Wire {
    /// Where the gateway is: connections to it are forwarded to 127.0.0.1.
    pub const HOST: &str = "10.0.0.1";

    /// The same.
    pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    /// A wire, with a stack at either end. Nothing is forwarded yet.
    #[must_use]
    pub fn new() -> Self {
        let executor = Rc::new(LocalExecutor::new());
        let shared = Rc::new(Shared::default());
        let (stack, client) = end(&executor, CLIENT, 1);
        let (gateway, far) = end(&executor, Wire::ADDRESS, 2);
        let (_, to_client, from_client) = client.split();
        let (_, to_gateway, from_gateway) = far.split();
        let bridges = Bridges::new(gateway, &executor, shared.clone());
        executor.spawn(carry(from_client, to_gateway, shared.clone(), Some(bridges))).detach();
        executor.spawn(carry(from_gateway, to_client, shared.clone(), None)).detach();
        executor.spawn(names::answer(gateway, shared.clone())).detach();
        Self { stack, executor, shared }
    }

    /// The client's stack.
    #[must_use]
    pub fn stack(&self) -> Stack<'static> {
        self.stack
    }

    /// Forwards connections to that port. To others they are refused.
    pub fn forward(&self, port: u16) {
        self.shared.ports.borrow_mut().insert(port);
    }

    /// Lets the gateway's DNS know a name. Others do not exist.
    pub fn name(&self, name: &str, addresses: &[Ipv4Addr]) {
        self.shared.names.borrow_mut().insert(name.to_owned(), addresses.to_vec());
    }

    /// Loses one in `n` frames from now on, by chance that the seed repeats; none if `n` is 0.
    pub fn lose_one_in(&self, n: u64, seed: u64) {
        *self.shared.loss.borrow_mut() = (n != 0).then(|| (n, Random::new(seed)));
    }

    /// Frames that were lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.get()
    }

    /// Loses all frames while `unplugged`; nobody is told.
    pub fn unplug(&self, unplugged: bool) {
        self.shared.unplugged.set(unplugged);
    }

    /// Runs a story on this thread, and the network and the tasks beside it.
    pub fn run<T>(&self, story: impl Future<Output = T>) -> T {
        block_on(self.executor.run(story))
    }

    /// Runs the network and the tasks as a part of somebody else's executor. It never ends.
    pub async fn drive(&self) {
        self.executor.run(pending::<()>()).await;
    }

    /// A task that runs on this thread, while the wire does.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        self.executor.spawn(future)
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("ports", &self.shared.ports).finish_non_exhaustive()
    }
}

/// A stack, and the end of the wire at it.
fn end(executor: &LocalExecutor<'static>, address: Ipv4Addr, seed: u64) -> (Stack<'static>, End) {
    // A test's stack lives as long as the process.
    let state = Box::leak(Box::new(channel::State::<MTU, FRAMES, FRAMES>::new()));
    let (mut end, device) = channel::new(state, HardwareAddress::Ip);
    end.set_link_state(LinkState::Up);
    let mut config = StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: Some(Wire::ADDRESS),
        dns_servers: Default::default(),
    };
    let _ = config.dns_servers.push(Wire::ADDRESS); // There is room for three.
    let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
    let (stack, mut runner) =
        embassy_net::new(device, Config::ipv4_static(config), resources, seed);
    executor.spawn(async move { runner.run().await }).detach();
    (stack, end)
}

/// Carries frames in one direction.
async fn carry(
    mut from: channel::TxRunner<'static, MTU>,
    mut to: channel::RxRunner<'static, MTU>,
    shared: Rc<Shared>,
    bridges: Option<Bridges>,
) {
    loop {
        let frame = from.tx_buf().await.to_vec();
        from.tx_done();
        if shared.loses() {
            continue;
        }
        if let Some(bridges) = &bridges {
            bridges.prepare(&frame).await;
        }
        let room = to.rx_buf().await;
        room[..frame.len()].copy_from_slice(&frame);
        to.rx_done(frame.len());
    }
}

impl Shared {
    /// Whether the next frame gets lost.
    fn loses(&self) -> bool {
        let by_chance = match &mut *self.loss.borrow_mut() {
            Some((n, random)) => random.between(1..=*n) == 1,
            None => false,
        };
        let loses = by_chance || self.unplugged.get();
        self.lost.set(self.lost.get() + u64::from(loses));
        loses
    }
}
