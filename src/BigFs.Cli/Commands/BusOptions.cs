using System.CommandLine;
using BigFs.Cli.Roles;
using BigFs.Hosting;

namespace BigFs.Cli.Commands;

/// <summary>The options that say how events travel, of <c>dev</c> and <c>run</c>.</summary>
internal sealed class BusOptions
{
    private readonly Option<string> _bus = new("--bus")
    {
        Description = $"How events travel: {BigFsBusKinds.Relay} (default, through the name server) or {BigFsBusKinds.Kafka}.",
        HelpName = "BUS",
    };

    private readonly Option<string> _servers = new("--kafka")
    {
        Description = $"With --bus {BigFsBusKinds.Kafka}: brokers to begin with, apart by commas.",
        HelpName = "HOST:PORT",
    };

    private readonly Option<string> _prefix = new("--kafka-prefix")
    {
        Description = "Stands before the names of the topics, so that several clusters share a Kafka.",
        HelpName = "PREFIX",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_bus);
        command.Options.Add(_servers);
        command.Options.Add(_prefix);
    }

    /// <summary>What was said.</summary>
    public BusChoice Read(ParseResult parsed) => new()
    {
        Bus = parsed.GetValue(_bus),
        Servers = parsed.GetValue(_servers),
        Prefix = parsed.GetValue(_prefix),
    };
}
