//! What the examples of the documentation run on.

/// Runs an example under tokio, with a client that is connected to a broker of its own: settings first, if the example
/// wants others than the defaults. It has to end within a minute. Whoever uses it depends on `mqtt-as-tokio` and `tokio`.
#[macro_export]
macro_rules! example {
    (|$client:ident| $body:block) => {
        $crate::example!(|config| config, |$client| $body)
    };
    (|$config:ident| $settings:expr, |$client:ident| $body:block) => {{
        let broker = $crate::broker::BrokerConfig::default();
        let server = $crate::server::Server::start(broker);
        let run = async {
            let $config = mqtt_as_tokio::Config::new(server.addr().to_string()).client_id("example");
            let $client = mqtt_as_tokio::Client::new($settings)?;
            $client.connect(true).await?;
            $body
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let minute = std::time::Duration::from_secs(60);
        runtime.block_on(async { tokio::time::timeout(minute, run).await }).unwrap().unwrap();
    }};
}
