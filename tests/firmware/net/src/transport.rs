//! What the client's bytes go over: TCP, or TLS over it.

#[cfg(not(any(feature = "key", feature = "certificates")))]
pub use plain::start;
#[cfg(any(feature = "key", feature = "certificates"))]
pub use secure::start;

#[cfg(not(any(feature = "key", feature = "certificates")))]
mod plain {
    use board::console;
    use embassy_executor::Spawner;
    use embassy_net::Stack;
    use mqtt_as_embassy::{Client, Config, Resources, Runner};
    use static_cell::ConstStaticCell;

    /// Packets of 1 KiB, 512 bytes of unacknowledged messages, 2 KiB of received ones, 4 calls.
    type Memory = Resources<1024, 1024, 512, 2048, 4>;

    /// What the guide `memory` of the adapter says of it, as exactly as it does.
    const _: () = {
        let rest = size_of::<Memory>() - 3 * 1024 - 3 * 1024 - 512 - 2048 - 4 * 56;
        assert!(rest > 1_380 && rest < 1_580, "the guide says 1,480");
    };

    #[embassy_executor::task]
    async fn drive(runner: Runner) {
        runner.run().await;
    }

    pub fn start(spawner: Spawner, stack: Stack<'static>, config: Config) -> Option<Client> {
        static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
        let (client, runner) = mqtt_as_embassy::new(stack, MEMORY.take(), config).ok()?;
        console::figure("lent memory", size_of::<Memory>());
        spawner.spawn(drive(runner).ok()?);
        Some(client)
    }
}

#[cfg(any(feature = "key", feature = "certificates"))]
mod secure {
    use board::console;
    use embassy_executor::Spawner;
    use embassy_net::Stack;
    use mqtt_as_embassy::rand_core::{CryptoRng, Error, RngCore};
    use mqtt_as_embassy::{
        Client, Config, ResourcesFor, Runner, Tcp, TcpBuffers, Tls, TlsBuffers, TlsRunner,
    };
    use static_cell::ConstStaticCell;

    /// The same as over TCP.
    type Memory = ResourcesFor<1024, 1024, 512, 2048, 4>;
    type TcpMemory = TcpBuffers<1024, 1024>;
    /// Records of 2 KiB in, of 1 KiB out.
    type TlsMemory = TlsBuffers<2304, 1024>;

    #[cfg(feature = "key")]
    type Identity = mqtt_as_embassy::PreSharedKey<Chance>;
    #[cfg(not(feature = "key"))]
    type Identity = mqtt_as_embassy::Certificates<Chance>;

    #[cfg(feature = "key")]
    fn identity() -> Option<Identity> {
        const KEY: &[u8] = b"sixteen letters.";
        Some(Identity::new("board", KEY, Chance(1)))
    }

    /// Nobody has issued it: what this image shows is its size.
    #[cfg(not(feature = "key"))]
    fn identity() -> Option<Identity> {
        Identity::new(&[0x30, 0x00], || 0, Chance(1)).ok()
    }

    #[embassy_executor::task]
    async fn drive(runner: Runner<Tls>) {
        runner.run().await;
    }

    #[embassy_executor::task]
    async fn drive_tls(runner: TlsRunner<Identity>) {
        runner.run().await;
    }

    pub fn start(spawner: Spawner, stack: Stack<'static>, config: Config) -> Option<Client> {
        static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
        static TCP: ConstStaticCell<TcpMemory> = ConstStaticCell::new(TcpMemory::new());
        static TLS: ConstStaticCell<TlsMemory> = ConstStaticCell::new(TlsMemory::new());
        let tcp = Tcp::new(stack, TCP.take());
        let (tls, runner) = Tls::new(tcp, TLS.take(), identity()?);
        let runner = drive_tls(runner).ok()?;
        console::figure("lent memory", size_of::<Memory>() + size_of::<TcpMemory>());
        console::figure("memory of TLS", size_of::<TlsMemory>());
        spawner.spawn(runner);
        let (client, runner) = mqtt_as_embassy::with_connector(tls, MEMORY.take(), config).ok()?;
        spawner.spawn(drive(runner).ok()?);
        Some(client)
    }

    /// Numbers that anybody can guess: this board has no others. A device takes those of its hardware.
    struct Chance(u64);

    impl RngCore for Chance {
        fn next_u32(&mut self) -> u32 {
            self.next_u64() as u32
        }

        fn next_u64(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            self.0
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = (self.next_u64() >> 33) as u8;
            }
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Chance {}
}
