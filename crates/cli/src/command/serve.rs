//! `bonafide serve`: the issuer as a service.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bonafide_issuer::environment::{Environment, NoRandomness};
use bonafide_issuer::settings::Settings;
use bonafide_issuer::{Service, StartError, Started, start_telemetry};
use clap::Args;
use serde_json::json;

use super::config;
use crate::app::App;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide serve
  bonafide serve --data /var/lib/bonafide --listen 0.0.0.0:8700 --public-url https://issuer.example
  bonafide serve --config bonafide.toml

The first start makes keys, a store and an administrator's token, which it prints once. Ctrl-C lets
open requests finish and stops.")]
pub(crate) struct Serve {
    /// The settings; bonafide config show prints them all with their defaults.
    #[arg(long, value_name = "FILE", conflicts_with = "conformance")]
    config: Option<PathBuf>,
    /// The data folder, instead of the one in the settings.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The address to listen at, instead of the one in the settings.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The URL under which clients reach the service, instead of the one in the settings.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// For test suites: throwaway keys and data, no tokens, on loopback alone.
    #[arg(long)]
    conformance: bool,
}

impl Serve {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let throwaway = match self.conformance && self.data.is_none() {
            true => Some(tempfile::tempdir()?),
            false => None,
        };
        let settings = self.settings(throwaway.as_ref().map(tempfile::TempDir::path))?;
        start_telemetry(&settings.telemetry);
        // Whatever is written from here on is for its owner alone, the database's files included.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        // Before anything is opened: an address that is taken is the commonest mistake.
        let listener = bonafide_issuer::listen(settings.listen).map_err(|error| {
            Failure::usage(error.to_string()).with_help("--listen with another port")
        })?;
        let Started { service, administrator } =
            Service::open(settings, environment(), stopped).map_err(|error| not_started(&error))?;
        self.announce(&service, administrator.as_ref().map(|token| token.as_str()), app)?;
        drop(administrator);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::fault(format!("the runtime: {error}")))?;
        let served = runtime.block_on(async {
            service
                .tidy(std::time::Duration::ZERO)
                .await
                .map_err(|problem| Failure::fault(problem.detail))?;
            bonafide_issuer::serve(Arc::clone(&service), listener, asked_to_stop())
                .await
                .map_err(|error| Failure::fault(error.to_string()))
        });
        // Requests that were cut off hold the service no longer than the runtime.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        service.close();
        served?;
        if !app.json {
            writeln!(app.out, "stopped")?;
        }
        Ok(Exit::Accepted)
    }

    fn settings(&self, throwaway: Option<&std::path::Path>) -> Result<Settings, Failure> {
        let mut settings = match (&self.config, self.conformance) {
            (Some(path), _) => config::read(path)?,
            (None, true) => {
                let data = throwaway.map(ToOwned::to_owned).unwrap_or_default();
                let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8700);
                Settings::for_conformance(data, loopback)
            }
            (None, false) => Settings::default(),
        };
        if let Some(data) = &self.data {
            settings.data.clone_from(data);
        }
        if let Some(listen) = self.listen {
            settings.listen = listen;
        }
        if let Some(url) = &self.public_url {
            settings.public_url = Some(url.clone());
        }
        settings.check().map_err(|error| Failure::usage(error.to_string()))?;
        Ok(settings)
    }

    fn announce(
        &self,
        service: &Service,
        administrator: Option<&str>,
        app: &mut App<'_>,
    ) -> Result<(), Failure> {
        let url = service.settings.public_url();
        let issuers = service.issuers();
        let bundle = service.bundle_signer();
        if app.json {
            app.print_json(&json!({
                "url": url,
                "data": service.settings.data,
                "issuers": issuers.iter().map(|(name, did)| json!({"name": name, "did": did})).collect::<Vec<_>>(),
                "bundleSigner": bundle,
                "logKey": service.log_key.to_string(),
                "administratorToken": administrator,
            }))?;
        } else {
            writeln!(app.out, "url       {url}  (try it at {url}/docs/)")?;
            writeln!(app.out, "data      {}", service.settings.data.display())?;
            for (name, did) in &issuers {
                writeln!(app.out, "issuer    {name}: {did}")?;
            }
            writeln!(app.out, "bundle    {url}/bundle, signed by {bundle}")?;
            writeln!(app.out, "log key   {}", service.log_key)?;
            if let (Some(token), false) = (administrator, self.conformance) {
                writeln!(
                    app.out,
                    "\nThe administrator's token, shown this once; put it in a file that only you can read:"
                )?;
                writeln!(app.out, "\n  {token}\n")?;
            }
        }
        // Whoever started it reads this now, not when it ends.
        app.out.flush()?;
        Ok(())
    }
}

/// This machine's clock and randomness.
#[allow(clippy::disallowed_methods)]
pub(crate) fn environment() -> Environment {
    Environment {
        milliseconds: || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        },
        fill: |bytes| getrandom::fill(bytes).map_err(|error| NoRandomness(error.to_string())),
    }
}

/// Nothing can be written any more: whoever asks must not be told otherwise.
fn stopped(why: &str) {
    // A closed standard error changes nothing.
    let _ = writeln!(
        std::io::stderr(),
        "error: {why}\nNothing is acknowledged any more, so the service ends. Look at the disk, then start it again."
    );
    std::process::exit(Exit::Fault as i32);
}

fn not_started(error: &StartError) -> Failure {
    match error {
        StartError::Settings(_) | StartError::Seal(_) | StartError::Diverged(_) => {
            Failure::usage(error.to_string())
        }
        StartError::Store(bonafide_issuer::store::StoreError::Stopped(detail))
            if detail.contains("is in use by") =>
        {
            Failure::usage(error.to_string())
                .with_help("stop the other process, or --data with another folder")
        }
        _ => Failure::fault(error.to_string()),
    }
}

/// Ctrl-C, or the word of a supervisor.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = interrupted.await;
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}
