//! Which role or command was asked for.

use anyhow::{Context, Result, bail};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};
use dnlb_server::console::Console;

use crate::{
    access, commands, flood, hold, host, lab, load, login,
    print::{self, Format},
    profile, trace,
};

/// Distributed network load balancer: server, agent, lab and command line in one program
#[derive(Parser)]
#[command(name = "dnlb", version, propagate_version = true)]
pub(crate) struct Program {
    #[command(subcommand)]
    command: Command,
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    access: access::Options,
}

#[derive(Subcommand)]
enum Command {
    /// Run the control plane of a region, or look after its data
    Server(Box<Server>),
    /// Run the agent of a host
    Agent(Box<dnlb_agent::Options>),
    /// A whole region on this machine, in network namespaces
    Lab(lab::Command),
    /// What runs inside instances, and tools for them
    Guest {
        #[command(subcommand)]
        command: GuestCommand,
    },
    /// Follow real packets live: what every host does with them, in order, with names
    Trace(trace::Options),
    /// Regions and access keys that this command line remembers
    #[command(subcommand)]
    Profile(profile::Command),
    /// Begin a session by a password: commands for that region are in it until it ends or `dnlb logout`
    Login(login::Login),
    /// End the session
    Logout,
    /// Print what a shell needs to complete commands: dnlb completion bash > /etc/bash_completion.d/dnlb
    Completion {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
    #[command(flatten)]
    Host(host::Command),
    #[command(flatten)]
    Client(commands::Command),
}

/// Without a subcommand the server runs: units and labs start it so.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Server {
    #[command(subcommand)]
    command: Option<ServerCommand>,
    #[command(flatten)]
    run: Option<dnlb_server::Options>,
}

#[derive(Subcommand)]
enum ServerCommand {
    #[command(flatten)]
    Maintenance(dnlb_server::Maintenance),
    /// Print the OpenAPI document of the API that this version serves at /openapi.json
    Openapi {
        /// Of one service alone
        #[arg(long, value_parser = PossibleValuesParser::new(dnlb_server::openapi::SERVICES))]
        service: Option<String>,
    },
}

#[derive(Subcommand)]
enum GuestCommand {
    #[command(flatten)]
    Agent(dnlb_agent::guest::Command),
    /// Open fresh connections to an instance or a VIP and count who answers
    #[command(hide = true)]
    Load(load::Options),
    /// Send SYNs that nobody goes on with
    #[command(hide = true)]
    Flood(flood::Options),
    /// Echo what comes in over TCP
    #[command(hide = true)]
    Echo(hold::EchoOptions),
    /// Make connections to such servers, one for each line of the standard input
    #[command(hide = true)]
    Ask(hold::AskOptions),
    /// Hold connections to such servers and check every byte
    #[command(hide = true)]
    Hold(hold::HoldOptions),
}

/// Shells that commands can be completed in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

/// A shell's script.
fn completion(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Program::command(), "dnlb", &mut script);
    String::from_utf8_lossy(&script).trim_end().to_owned()
}

/// Does what was asked for; the exit code is for whoever called.
pub(crate) fn run(program: Program, console: Console) -> Result<u8> {
    match program.command {
        Command::Server(server) => serve(*server, console, program.output).map(|()| 0),
        Command::Agent(options) => daemon(dnlb_agent::run(*options)).map(|()| 0),
        Command::Lab(command) => lab::run(command, program.output),
        Command::Guest { command: GuestCommand::Agent(command) } => {
            dnlb_agent::guest::run(command).map(|()| 0)
        }
        Command::Guest { command: GuestCommand::Load(options) } => load::run(&options).map(|()| 0),
        Command::Guest { command: GuestCommand::Flood(options) } => flood::run(&options).map(|()| 0),
        Command::Guest { command: GuestCommand::Ask(options) } => hold::ask_each(&options).map(|()| 0),
        Command::Guest { command: GuestCommand::Echo(options) } => hold::echo(&options).map(|()| 0),
        Command::Guest { command: GuestCommand::Hold(options) } => hold::hold(&options).map(|()| 0),
        Command::Trace(options) => trace::run(&options, &program.access, program.output).map(|()| 0),
        Command::Profile(command) => profile::run(command, program.output).map(|()| 0),
        Command::Login(options) => {
            login::enter(options, &program.access.place()?, program.output).map(|()| 0)
        }
        Command::Logout => login::leave(&program.access.place()?, program.output).map(|()| 0),
        Command::Completion { shell } => {
            print::text(&completion(shell));
            Ok(0)
        }
        Command::Host(command) => host::run(command, program.output).map(|()| 0),
        Command::Client(command) => commands::run(program.access.access()?, command, program.output),
    }
}

fn serve(server: Server, console: Console, output: Format) -> Result<()> {
    match (server.command, server.run) {
        (Some(ServerCommand::Openapi { service }), _) => {
            let all = dnlb_server::openapi::SERVICES;
            let wanted: Vec<&str> =
                all.iter().copied().filter(|name| service.as_ref().is_none_or(|one| one == name)).collect();
            println!("{:#}", dnlb_server::openapi::document(&wanted));
            Ok(())
        }
        (Some(ServerCommand::Maintenance(command)), _) => {
            print::fields(output, &dnlb_server::maintain(&command)?);
            Ok(())
        }
        (None, Some(options)) => daemon(dnlb_server::run(options, console)),
        (None, None) => bail!("give the server's options, or a subcommand: `dnlb server --help`"),
    }
}

/// Runs a long-lived role, with its log on the standard error.
fn daemon(role: impl Future<Output = Result<()>>) -> Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("starting the runtime")?.block_on(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(arguments: &[&str]) -> Result<Server, clap::Error> {
        let arguments = ["dnlb", "server"].iter().chain(arguments);
        Program::try_parse_from(arguments).map(|program| match program.command {
            Command::Server(server) => *server,
            _ => panic!("another command"),
        })
    }

    const RUN: &[&str] = &[
        "--region",
        "r",
        "--azs",
        "ra",
        "--data-dir",
        "d",
        "--api-listen",
        "127.0.0.1:1",
        "--agent-listen",
        "127.0.0.1:2",
        "--join-token-file",
        "t",
    ];

    #[test]
    fn a_server_without_a_subcommand_runs() {
        let run = server(RUN).expect("units start it so").run.expect("the options");
        assert_eq!((run.region.as_str(), run.azs.as_slice()), ("r", ["ra".to_owned()].as_slice()));
        let missing = server(&RUN[2..]).err().expect("an option is missing").to_string();
        assert!(missing.contains("--region"), "{missing}");
        assert!(server(&[]).is_err());
    }

    #[test]
    fn maintenance_asks_for_none_of_the_options_of_a_server_that_runs() {
        let parsed = server(&["backup", "--data-dir", "d", "--to", "f"]).expect("a backup");
        assert!(parsed.command.is_some() && parsed.run.is_none());
        assert!(server(&["backup", "--data-dir", "d"]).is_err(), "without a file");
        assert!(server(&["--region", "r", "check", "--data-dir", "d"]).is_err(), "one or the other");
    }

    #[test]
    fn the_commands_make_sense_to_the_parser() {
        Program::command().debug_assert();
    }

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let script = completion(*shell);
            assert!(script.contains("target-group") && script.contains("set-bandwidth"), "{script}");
        }
    }

    #[test]
    fn the_document_is_printed_of_all_services_or_of_one_that_there_is() {
        assert!(server(&["openapi"]).expect("all").command.is_some());
        assert!(server(&["openapi", "--service", "lb"]).expect("one").command.is_some());
        assert!(server(&["openapi", "--service", "nobody"]).is_err());
    }
}
