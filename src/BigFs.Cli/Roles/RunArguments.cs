using System.Globalization;
using BigFs.Cli.Settings;
using BigFs.Hosting;

namespace BigFs.Cli.Roles;

/// <summary>The arguments that make <c>bigfs run</c> start roles with given settings, from any folder.</summary>
internal static class RunArguments
{
    /// <param name="options">The roles' settings; paths are absolute.</param>
    /// <param name="parent">The process that the roles end with, if any.</param>
    public static IReadOnlyList<string> Make(BigFsRoleHostOptions options, int? parent)
    {
        var defaults = new BigFsRoleHostOptions();
        List<string> arguments = ["run", .. options.Roles];
        Add("--data", options.DataDirectory, defaults.DataDirectory);
        Add("--listen", options.Listen, defaults.Listen);
        Add("--transfer-listen", options.TransferListen, defaults.TransferListen);
        Add("--name-server", options.NameServer, defaults.NameServer);
        Add("--cluster-secret", options.ClusterSecretFile, defaults.ClusterSecretFile);
        Add("--transfer-certificate", options.TransferCertificateFile, defaults.TransferCertificateFile);
        Add("--transfer-key", options.TransferKeyFile, defaults.TransferKeyFile);
        Add("--transfer-authority", options.TransferAuthorityFile, defaults.TransferAuthorityFile);
        Flag("--transfer-client-certificates", options.TransferClientCertificates);
        Flag("--require-keys", options.RequireKeys);
        Add("--advertise", options.Advertise, null);
        Add("--transfer-advertise", options.TransferAdvertise, null);
        Add("--control-certificate", options.ControlCertificateFile, null);
        Add("--control-key", options.ControlKeyFile, null);
        Add("--control-authority", options.ControlAuthorityFile, null);
        Flag("--control-role-certificates", options.ControlRoleCertificates);
        Add("--replicas", Number(options.Replicas), Number(defaults.Replicas));
        Add("--prepared", Number(options.PreparedBytesPerNode), Number(defaults.PreparedBytesPerNode));
        Add("--scrub-rate", Number(options.ScrubBytesPerSecond), Number(defaults.ScrubBytesPerSecond));
        Add("--scrub-interval", Time(options.ScrubInterval), Time(defaults.ScrubInterval));
        Add("--stop-timeout", Time(options.StopTimeout), Time(defaults.StopTimeout));
        Add("--gateway-listen", options.Gateway.Listen, defaults.Gateway.Listen);
        Add("--gateway-advertise", options.Gateway.Advertise, null);
        Add("--gateway-certificate", options.Gateway.CertificateFile, null);
        Add("--gateway-key", options.Gateway.KeyFile, null);
        arguments.AddRange(BusChoice.Of(options).Arguments);
        Add("--parent", parent is { } id ? Number(id) : null, null);
        return arguments;

        void Flag(string name, bool isSet)
        {
            if (isSet)
            {
                arguments.Add(name);
            }
        }

        void Add(string name, string? value, string? byDefault) => AddTo(arguments, name, value, byDefault);
    }

    /// <summary>The same with what the process shows of itself.</summary>
    public static IReadOnlyList<string> Make(RunOptions options, int? parent)
    {
        var defaults = new RunOptions();
        List<string> arguments = [.. Make(options.Host, parent)];
        AddTo(arguments, "--http-listen", options.HttpListen, null);
        AddTo(arguments, "--otlp", options.OtlpEndpoint, null);
        AddTo(arguments, "--log-format", options.LogFormat, defaults.LogFormat);
        AddTo(arguments, "--trace-share", Share(options.TraceShare), Share(defaults.TraceShare));
        return arguments;
    }

    private static void AddTo(List<string> arguments, string name, string? value, string? byDefault)
    {
        if (value is not null && value != byDefault)
        {
            arguments.AddRange([name, value]);
        }
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Time(TimeSpan value) => value.ToString("c", CultureInfo.InvariantCulture);
}
