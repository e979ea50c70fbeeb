//! The program: what a device does with its connection.

#[cfg(feature = "receive")]
use embassy_futures::join::join;
#[cfg(any(feature = "publish", feature = "subscribe"))]
use mqtt_as_client::QoS;

use crate::Client;

/// What went wrong: the exit code.
#[allow(dead_code)] // Not each set of features can fail in each way.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Fault {
    Config = 1,
    Driver,
    Nested,
    Connect,
    Subscribe,
    Publish,
    Receive,
    /// The broker's restart was not noticed.
    NoticedNothing,
    /// It was, and there was no way back.
    NotBack,
    SessionLost,
    Unsubscribe,
    Disconnect,
}

#[cfg(feature = "subscribe")]
const TOPIC: &str = "firmware/uart";

pub async fn run(client: Client) -> Result<(), Fault> {
    client.connect(false).await.map_err(|_| Fault::Connect)?;
    #[cfg(feature = "subscribe")]
    client.subscribe(TOPIC, QoS::ExactlyOnce).await.map_err(|_| Fault::Subscribe)?;
    #[cfg(all(feature = "publish", not(feature = "receive")))]
    client.publish(TOPIC, "1").qos(QoS::AtLeastOnce).await.map_err(|_| Fault::Publish)?;
    #[cfg(feature = "receive")]
    exchange(&client, b"1", QoS::AtLeastOnce).await?;
    #[cfg(feature = "qos2")]
    exchange(&client, b"2", QoS::ExactlyOnce).await?;
    #[cfg(feature = "restart")]
    restart::run(&client).await?;
    #[cfg(feature = "disconnect")]
    {
        client.unsubscribe(TOPIC).await.map_err(|_| Fault::Unsubscribe)?;
        client.disconnect().await.map_err(|_| Fault::Disconnect)?;
    }
    Ok(())
}

/// Publishes a message, and takes it from the queue.
#[cfg(feature = "receive")]
async fn exchange(client: &Client, payload: &[u8], qos: QoS) -> Result<(), Fault> {
    let publish = async { client.publish(TOPIC, payload).qos(qos).await };
    let (published, taken) = join(publish, take(client, payload)).await;
    published.map_err(|_| Fault::Publish)?;
    taken
}

/// Takes messages until that one: after a restart one may come twice at QoS 1.
#[cfg(feature = "receive")]
async fn take(client: &Client, payload: &[u8]) -> Result<(), Fault> {
    let mut buffer = [0; 64];
    loop {
        match client.queue().next_into(&mut buffer).await {
            Ok(Some(message)) if message.payload() == payload => return Ok(()),
            Ok(Some(_)) => {}
            _ => return Err(Fault::Receive),
        }
    }
}

#[cfg(feature = "restart")]
mod restart {
    use board::{console, time};
    use embassy_futures::select::{Either, select};
    use mqtt_as_client::QoS;

    use super::{Fault, exchange};
    use crate::Client;

    /// Milliseconds in which the restart has to be noticed.
    const NOTICE: u64 = 30_000;
    /// Attempts to come back, and the milliseconds between them.
    const ATTEMPTS: u8 = 60;
    const PAUSE: u64 = 500;

    pub async fn run(client: &Client) -> Result<(), Fault> {
        console::text("restart the broker\n");
        let down = select(client.down(), time::sleep_until(time::now() + NOTICE));
        match select(down, keep_publishing(client)).await {
            Either::First(Either::First(Some(_))) => console::text("down\n"),
            _ => return Err(Fault::NoticedNothing),
        }
        come_back(client).await?;
        console::text("up again\n");
        for round in *b"abcdefgh" {
            let qos = if round % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            exchange(client, &[round], qos).await?;
        }
        Ok(())
    }

    /// Publishes into the failing link.
    async fn keep_publishing(client: &Client) {
        let mut digit = b'0';
        while exchange(client, &[digit], QoS::AtLeastOnce).await.is_ok() {
            digit ^= 1;
            time::sleep_until(time::now() + 100).await;
        }
        core::future::pending().await
    }

    /// Resumes the session that both sides have kept.
    async fn come_back(client: &Client) -> Result<(), Fault> {
        for _ in 0..ATTEMPTS {
            match client.connect(false).await {
                Ok(session) if session.session_present => return Ok(()),
                Ok(_) => return Err(Fault::SessionLost),
                Err(_) => time::sleep_until(time::now() + PAUSE).await,
            }
        }
        Err(Fault::NotBack)
    }
}
