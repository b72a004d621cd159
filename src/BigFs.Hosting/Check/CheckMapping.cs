using System.Collections.Immutable;
using System.Globalization;
using BigFs.Core.Model;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Check;

/// <summary>Findings as messages.</summary>
internal static class CheckMapping
{
    public static Protocol.CheckMessage ToProto(this BigFsFinding finding)
    {
        var message = new Protocol.CheckFinding { Kind = (int)finding.Kind, Detail = finding.Detail };
        if (finding.Path is { } path)
        {
            message.Path = path;
        }

        if (finding.Volume is { } volume)
        {
            message.Volume = volume;
        }

        if (finding.Key is { } key)
        {
            message.Key = ulong.Parse(key, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        if (finding.Node is { } node)
        {
            message.Node = Guid.ParseExact(node, "N").ToProto();
        }

        return new Protocol.CheckMessage { Finding = message };
    }

    public static Protocol.CheckMessage ToProto(this BigFsCheckSummary summary) => new()
    {
        Summary = new Protocol.CheckSummary
        {
            Directories = summary.Directories,
            Files = summary.Files,
            Chunks = summary.Chunks,
            Volumes = summary.Volumes,
            Replicas = summary.Replicas,
            Counts =
            {
                summary.Counts.Select(pair => new Protocol.CheckCount { Kind = (int)pair.Key, Count = pair.Value }),
            },
        },
    };

    public static BigFsFinding FromProto(this Protocol.CheckFinding message) => new()
    {
        Kind = Wire.ToEnum<BigFsFindingKind>(message.Kind),
        Path = message.HasPath ? message.Path : null,
        Volume = message.HasVolume ? message.Volume : null,
        Key = message.HasKey ? new ChunkKey(message.Key).ToString() : null,
        Node = message.HasNode ? new NodeId(message.Node.ToGuid()).ToString() : null,
        Detail = message.Detail,
    };

    public static BigFsCheckSummary FromProto(this Protocol.CheckSummary message) => new()
    {
        Directories = message.Directories,
        Files = message.Files,
        Chunks = message.Chunks,
        Volumes = message.Volumes,
        Replicas = message.Replicas,
        Counts = message.Counts.ToImmutableSortedDictionary(
            count => Wire.ToEnum<BigFsFindingKind>(count.Kind), count => count.Count),
    };
}
