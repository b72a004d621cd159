namespace BigFs.Internal.Grpc;

/// <summary>Several name servers as one text: "host:port", apart by commas.</summary>
internal static class NameServerList
{
    /// <summary>Most name servers that may be listed: 16.</summary>
    public const int Most = 16;

    /// <summary>The single ones.</summary>
    public static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries);
}
