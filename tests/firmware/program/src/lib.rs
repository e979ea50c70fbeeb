//! The program of the images: what a device does with its connection.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "receive")]
use embassy_futures::join::join;
#[cfg(feature = "subscribe")]
use mqtt_as_client::QoS;
use mqtt_as_client::{Client, Runtime};

/// What went wrong: the exit code.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Fault {
    /// The settings do not fit the memory.
    Config = 1,
    /// The driver ended.
    Driver,
    /// The lock was taken twice.
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
    /// A payload larger than all the memory did not go out, or did not come back as it was.
    Stream,
}

/// Runs the program; `topic` is its own.
#[cfg_attr(not(feature = "subscribe"), allow(unused_variables))]
pub async fn run<R: Runtime>(client: Client<R>, topic: &str) -> Result<(), Fault> {
    #[cfg(not(feature = "restart"))]
    client.connect(false).await.map_err(|_| Fault::Connect)?;
    #[cfg(feature = "restart")]
    restart::connect(&client).await.ok_or(Fault::Connect)?;
    #[cfg(feature = "subscribe")]
    client.subscribe(topic, QoS::ExactlyOnce).await.map_err(|_| Fault::Subscribe)?;
    #[cfg(all(feature = "publish", not(feature = "receive")))]
    client.publish(topic, "1").qos(QoS::AtLeastOnce).await.map_err(|_| Fault::Publish)?;
    #[cfg(feature = "receive")]
    exchange(&client, topic, b"1", QoS::AtLeastOnce).await?;
    #[cfg(feature = "qos2")]
    exchange(&client, topic, b"2", QoS::ExactlyOnce).await?;
    #[cfg(feature = "streams")]
    streams::run(&client, topic).await?;
    #[cfg(feature = "restart")]
    restart::run(&client, topic).await?;
    #[cfg(feature = "disconnect")]
    {
        client.unsubscribe(topic).await.map_err(|_| Fault::Unsubscribe)?;
        client.disconnect().await.map_err(|_| Fault::Disconnect)?;
    }
    Ok(())
}

/// Publishes a message, and takes it from the queue.
#[cfg(feature = "receive")]
async fn exchange<R: Runtime>(
    client: &Client<R>,
    topic: &str,
    payload: &[u8],
    qos: QoS,
) -> Result<(), Fault> {
    let publish = async { client.publish(topic, payload).qos(qos).await };
    let (published, taken) = join(publish, take(client, payload)).await;
    published.map_err(|_| Fault::Publish)?;
    taken
}

/// Takes messages until that one: after a restart one may come twice at QoS 1.
#[cfg(feature = "receive")]
async fn take<R: Runtime>(client: &Client<R>, payload: &[u8]) -> Result<(), Fault> {
    let mut buffer = [0; 64];
    loop {
        match client.queue().next_into(&mut buffer).await {
            Ok(Some(message)) if message.payload() == payload => return Ok(()),
            Ok(Some(_)) => {}
            _ => return Err(Fault::Receive),
        }
    }
}

#[cfg(feature = "streams")]
pub mod streams {
    //! A payload larger than all the memory, out and in again.

    use mqtt_as_client::{Client, QoS, Runtime};

    use super::Fault;

    /// Bytes of the payload.
    const LEN: u32 = 50_000;
    /// Bytes of the largest packet around it.
    pub const LARGEST: u32 = LEN + 100;

    pub(crate) async fn run<R: Runtime>(client: &Client<R>, topic: &str) -> Result<(), Fault> {
        round(client, topic).await.ok_or(Fault::Stream)
    }

    async fn round<R: Runtime>(client: &Client<R>, topic: &str) -> Option<()> {
        let open = client.publish_stream(topic, LEN).qos(QoS::ExactlyOnce).open();
        let mut out = open.await.ok()?;
        while out.written() < LEN {
            let byte = [(out.written() / 100) as u8; 100];
            out.write_all(&byte).await.ok()?;
        }
        let (mut header, mut chunk, mut at) = ([0; 64], [0; 100], 0);
        let mut queue = client.queue();
        let mut message = queue.next_stream(&mut header).await.ok()??;
        while let len @ 1.. = message.read(&mut chunk).await.ok()? {
            for byte in chunk.get(..len)? {
                (*byte == (at / 100) as u8).then_some(())?;
                at += 1;
            }
        }
        drop(message);
        out.finish().await.ok()?;
        (at == LEN).then_some(())
    }
}

#[cfg(feature = "restart")]
mod restart {
    use board::console;
    use embassy_futures::select::{Either, select};
    use mqtt_as_client::{Client, QoS, Runtime, Session};

    use super::{Fault, exchange};

    /// Milliseconds in which the restart has to be noticed.
    const NOTICE: u64 = 30_000;
    /// Attempts to come back, and the milliseconds between them.
    const ATTEMPTS: u8 = 60;
    const PAUSE: u64 = 500;

    pub(crate) async fn run<R: Runtime>(client: &Client<R>, topic: &str) -> Result<(), Fault> {
        console::text("restart the broker\n");
        let down = select(client.down(), sleep::<R>(NOTICE));
        match select(down, keep_publishing(client, topic)).await {
            Either::First(Either::First(Some(_))) => console::text("down\n"),
            _ => return Err(Fault::NoticedNothing),
        }
        come_back(client).await?;
        console::text("up again\n");
        for round in *b"abcdefgh" {
            let qos = if round % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            exchange(client, topic, &[round], qos).await?;
        }
        Ok(())
    }

    /// Publishes into the failing link.
    async fn keep_publishing<R: Runtime>(client: &Client<R>, topic: &str) {
        let mut digit = b'0';
        while exchange(client, topic, &[digit], QoS::AtLeastOnce).await.is_ok() {
            digit ^= 1;
            sleep::<R>(100).await;
        }
        core::future::pending().await
    }

    /// Resumes the session that both sides have kept.
    async fn come_back<R: Runtime>(client: &Client<R>) -> Result<(), Fault> {
        let session = connect(client).await.ok_or(Fault::NotBack)?;
        if session.session_present { Ok(()) } else { Err(Fault::SessionLost) }
    }

    /// Connects, if need be in many attempts: what is sent into a line with nobody at its end is lost.
    pub(crate) async fn connect<R: Runtime>(client: &Client<R>) -> Option<Session> {
        for _ in 0..ATTEMPTS {
            match client.connect(false).await {
                Ok(session) => return Some(session),
                Err(_) => sleep::<R>(PAUSE).await,
            }
        }
        None
    }

    async fn sleep<R: Runtime>(milliseconds: u64) {
        R::sleep_until(R::now().after(milliseconds)).await;
    }
}
