namespace BigFs.Hosting;

/// <summary>
/// Which running system the process ids of this process belong to: machine name, boot and, since containers count
/// processes of their own, the process namespace. Known on Linux, whose /proc (proc(5), pid_namespaces(7)) tells; empty
/// elsewhere.
/// </summary>
internal static class HostIdentity
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";
    private const string Namespace = "/proc/self/ns/pid";

    /// <summary>The identity; at most 255 characters.</summary>
    public static string OfThisProcess { get; } = Read();

    private static string Read()
    {
        try
        {
            return OperatingSystem.IsLinux() && File.ResolveLinkTarget(Namespace, returnFinalTarget: false) is { Name: var pids }
                ? $"{Environment.MachineName}/{File.ReadAllText(BootId).Trim()}/{pids}"
                : "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A system that hides it: then nobody counts these processes as its own.
            return "";
        }
    }
}
