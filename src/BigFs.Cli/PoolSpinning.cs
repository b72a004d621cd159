namespace BigFs.Cli;

/// <summary>
/// How long idle threads of the pool spin before they sleep. Servers do not: many roles share few cores, and at rest each wake-up
/// would cost more. A client does, for as long as the runtime means it to: it is awaited by somebody, and most of what it waits for
/// comes within what waking a thread costs.
/// </summary>
internal static class PoolSpinning
{
    /// <summary>The runtime's setting, which it reads when the first thread of the pool has nothing to do.</summary>
    public const string Setting = "System.Threading.ThreadPool.UnfairSemaphoreSpinLimit";

    /// <summary>The runtime's own default.</summary>
    public const int OfClients = 70;

    /// <summary>Settles it for the command that these arguments are; before anything else is begun.</summary>
    public static void Settle(string[] arguments)
    {
        if (!IsServer(arguments))
        {
            AppContext.SetData(Setting, OfClients);
        }
    }

    /// <summary>Whether roles run in this process. A file of such a name costs a client no more than the spinning.</summary>
    public static bool IsServer(string[] arguments) => arguments.Any(argument => argument is "run" or "dev");
}
