//! The Ethernet controller (LAN9118): frames in and out, for embassy-net.

use core::cell::RefCell;
use core::future::poll_fn;
use core::ptr::{read_volatile, write_volatile};
use core::task::{Context, Poll, Waker};

use critical_section::Mutex;
pub use embassy_net_driver_channel::Device;
use embassy_net_driver_channel::driver::{HardwareAddress, LinkState};
use embassy_net_driver_channel::{Runner, State, new};

/// Bytes of the largest frame.
pub const MTU: usize = 1514;

/// Frames that wait each way.
pub type Frames = State<MTU, 4, 4>;

const BASE: usize = 0x4020_0000;
const RX_DATA: usize = 0x00;
const TX_DATA: usize = 0x20;
const RX_STATUS: usize = 0x40;
const TX_STATUS: usize = 0x48;
const INTERRUPT_CONFIG: usize = 0x54;
const INTERRUPT_STATUS: usize = 0x58;
const INTERRUPT_ENABLE: usize = 0x5c;
const TX_CONFIG: usize = 0x70;
const RX_LEVEL: usize = 0x7c;
const TX_LEVEL: usize = 0x80;
const MAC_COMMAND: usize = 0xa4;
const MAC_DATA: usize = 0xa8;

/// A frame has come.
const RX_EVENT: u32 = 1 << 3;
/// The MAC's own registers.
const MAC_CONTROL: u32 = 1;
const MAC_HIGH: u32 = 2;
const MAC_LOW: u32 = 3;

/// The number of the interrupt.
pub(crate) const EVENT: u32 = 13;

const ADDRESS: [u8; 6] = [0x02, 0, 0, 0, 0, 1];

static WAKER: Mutex<RefCell<Option<Waker>>> = Mutex::new(RefCell::new(None));

fn get(register: usize) -> u32 {
    // SAFETY: only the registers above come here.
    unsafe { read_volatile((BASE + register) as *const u32) }
}

fn set(register: usize, value: u32) {
    // SAFETY: as in `get`.
    unsafe { write_volatile((BASE + register) as *mut u32, value) }
}

fn set_mac(register: u32, value: u32) {
    set(MAC_DATA, value);
    set(MAC_COMMAND, 1 << 31 | register);
}

/// Starts the controller: a device for the stack, and what moves its frames, to run in a task.
pub fn start(frames: &'static mut Frames) -> (Device<'static, MTU>, Cable) {
    let [a, b, c, d, e, f] = ADDRESS;
    set_mac(MAC_LOW, u32::from_le_bytes([a, b, c, d]));
    set_mac(MAC_HIGH, u32::from_le_bytes([e, f, 0, 0]));
    set_mac(MAC_CONTROL, 1 << 2 | 1 << 3); // Both ways on.
    set(TX_CONFIG, 2); // On.
    set(INTERRUPT_CONFIG, 1 << 8 | 1 << 4 | 1); // On, active high, push-pull.
    let (runner, device) = new(frames, HardwareAddress::Ethernet(ADDRESS));
    (device, Cable(runner))
}

/// What moves the frames.
pub struct Cable(Runner<'static, MTU>);

impl Cable {
    /// Moves frames for ever.
    pub async fn run(mut self) -> ! {
        self.0.set_link_state(LinkState::Up);
        poll_fn(|context| {
            let waker = context.waker().clone();
            critical_section::with(|section| WAKER.borrow_ref_mut(section).replace(waker));
            set(INTERRUPT_STATUS, RX_EVENT);
            while self.receive(context) | self.send(context) {}
            // One that came since sets the status, and with it the interrupt.
            set(INTERRUPT_ENABLE, RX_EVENT);
            Poll::Pending
        })
        .await
    }

    fn receive(&mut self, context: &mut Context<'_>) -> bool {
        if get(RX_LEVEL) >> 16 & 0xff == 0 {
            return false;
        }
        let Poll::Ready(frame) = self.0.poll_rx_buf(context) else { return false };
        // With the checksum, which nobody wants.
        let len = (get(RX_STATUS) >> 16 & 0x3fff) as usize;
        let (words, _) = frame.as_chunks_mut::<4>();
        let mut words = words.iter_mut();
        for _ in 0..len.div_ceil(4) {
            let word = get(RX_DATA).to_le_bytes();
            if let Some(place) = words.next() {
                *place = word;
            }
        }
        self.0.rx_done(len.saturating_sub(4).min(MTU));
        true
    }

    fn send(&mut self, context: &mut Context<'_>) -> bool {
        let Poll::Ready(frame) = self.0.poll_tx_buf(context) else { return false };
        while get(TX_LEVEL) >> 16 & 0xff != 0 {
            get(TX_STATUS);
        }
        let len = frame.len() as u32;
        set(TX_DATA, 1 << 13 | 1 << 12 | len); // The first piece and the last.
        set(TX_DATA, len);
        for bytes in frame.chunks(4) {
            let mut word = [0; 4];
            for (place, byte) in word.iter_mut().zip(bytes) {
                *place = *byte;
            }
            set(TX_DATA, u32::from_le_bytes(word));
        }
        self.0.tx_done();
        true
    }
}

/// A frame has come: the task looks, and asks to be told again.
pub(crate) fn handle() {
    set(INTERRUPT_ENABLE, 0);
    let waker = critical_section::with(|section| WAKER.borrow_ref_mut(section).take());
    if let Some(waker) = waker {
        waker.wake();
    }
}
