//! What drives the client: with callbacks there is a second future beside its driver.

#[cfg(feature = "callbacks")]
pub use callbacks::{Runner, make};
#[cfg(not(feature = "callbacks"))]
pub use plain::{Runner, make};

use crate::serial::Serial;

pub type Client = mqtt_as_client::Client<Serial>;

#[cfg(not(feature = "callbacks"))]
mod plain {
    use mqtt_as_client::Config;

    use super::Client;
    use crate::memory;
    use crate::serial::Serial;

    pub type Runner = mqtt_as_client::Runner<Serial>;

    // Out of line, so that what it has on the stack is gone when the client runs.
    #[inline(never)]
    pub fn make(config: fn() -> Config) -> Option<(Client, Runner)> {
        Client::with_runner(config(), memory::memory(), Serial, memory::place).ok()
    }
}

#[cfg(feature = "callbacks")]
mod callbacks {
    use board::console;
    use embassy_futures::join::join;
    use mqtt_as_client::{Config, Handling, event};

    use super::Client;
    use crate::memory;
    use crate::serial::Serial;

    pub struct Runner {
        driver: mqtt_as_client::Runner<Serial>,
        callbacks: Handling<Serial>,
    }

    #[inline(never)]
    pub fn make(config: fn() -> Config) -> Option<(Client, Runner)> {
        let (memory, handlers) = (memory::memory(), memory::handlers());
        let made = Client::with_handlers(config(), memory, handlers, Serial, memory::place);
        let (client, driver, callbacks) = made.ok()?;
        client.set_cb_on_event(event::Up, &|_| console::text("up, says the callback\n"))?;
        client.set_cb_on_event(event::Down, &|_| console::text("down, says the callback\n"))?;
        client.set_cb_on_event(event::Msg, &|message| {
            console::figure("of bytes", message.payload().len())
        })?;
        Some((client, Runner { driver, callbacks }))
    }

    impl Runner {
        pub async fn run(self) {
            join(self.driver.run(), self.callbacks.run()).await;
        }
    }
}
