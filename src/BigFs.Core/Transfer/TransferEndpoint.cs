using System.Globalization;
using System.Net;
using System.Net.Sockets;
using BigFs.Core.Storage;

namespace BigFs.Core.Transfer;

/// <summary>"host:port" or "tls://host:port" taken apart; an IPv6 address stands in brackets.</summary>
internal readonly record struct TransferEndpoint(string Host, int Port, bool IsEncrypted = false)
{
    private const string Encrypted = "tls://";

    /// <summary>Takes an endpoint apart; false when it is none.</summary>
    public static bool TryParse(string? text, out TransferEndpoint endpoint)
    {
        endpoint = default;
        bool encrypted = text?.StartsWith(Encrypted, StringComparison.Ordinal) == true;
        text = encrypted ? text![Encrypted.Length..] : text;
        int colon = text?.LastIndexOf(':') ?? -1;
        if (text is null || colon <= 0
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return false;
        }

        string host = text[..colon];
        bool bracketed = host is ['[', .., ']'];
        host = bracketed ? host[1..^1] : host;
        bool legal = bracketed
            ? IPAddress.TryParse(host, out _)
            : host.Length > 0 && !host.Contains(':', StringComparison.Ordinal);
        endpoint = new TransferEndpoint(host, port, encrypted);
        return legal;
    }

    /// <summary>The endpoint as text, for an address and port in use.</summary>
    public static string Format(IPEndPoint endpoint, bool encrypted) => (encrypted ? Encrypted : "") + endpoint;

    /// <summary>What others are told of an address and port in use: a setting's endpoint, whose port 0 is the one in use.</summary>
    public static string Advertised(string? setting, IPEndPoint endpoint, bool encrypted) =>
        setting is null ? Format(endpoint, encrypted)
        : (encrypted ? Encrypted : "")
            + (setting.EndsWith(":0", StringComparison.Ordinal)
                ? string.Create(CultureInfo.InvariantCulture, $"{setting[..^1]}{endpoint.Port}")
                : setting);

    /// <summary>Refuses an endpoint of the other kind: what is set up decides, never what an endpoint offers.</summary>
    /// <exception cref="TransferException">It is encrypted and is not to be, or the other way round.</exception>
    public void ThrowUnless(bool encrypted)
    {
        if (IsEncrypted != encrypted)
        {
            throw new TransferException(
                ChunkStatus.Unreachable,
                IsEncrypted
                    ? $"{Host}:{Port} is encrypted, and no authority is set by which this side could trust it."
                    : $"{Host}:{Port} is not encrypted, and this side is set to take nothing else.");
        }
    }

    /// <summary>The loopback address that the host names; null when it names another.</summary>
    public IPAddress? Loopback =>
        string.Equals(Host, "localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
        : IPAddress.TryParse(Host, out IPAddress? address) && IPAddress.IsLoopback(address) ? address
        : null;

    /// <summary>A socket that fits the host and gathers no small writes.</summary>
    public Socket CreateSocket()
    {
        Socket socket = Loopback is { } address
            ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        return socket;
    }
}
