using System.Runtime.CompilerServices;
using BigFs.Core.Metadata;
using BigFs.Internal.Grpc;
using Google.Protobuf;

namespace BigFs.Hosting.Backup;

/// <summary>Copies of databases, and what a namespace says of itself, as messages.</summary>
internal static class BackupMapping
{
    public static Protocol.BackupPiece ToProto(this DatabasePiece piece) =>
        piece.Length is { } length ? new Protocol.BackupPiece { Head = new Protocol.BackupHead { Length = length } }
        : piece.Sha256 is { } sum
            ? new Protocol.BackupPiece { End = new Protocol.BackupEnd { Sha256 = ByteString.CopyFrom(sum) } }
        : new Protocol.BackupPiece { Bytes = ByteString.CopyFrom(piece.Bytes.Span) };

    public static DatabasePiece FromProto(this Protocol.BackupPiece piece) => piece.PieceCase switch
    {
        Protocol.BackupPiece.PieceOneofCase.Head => new DatabasePiece { Length = piece.Head.Length },
        Protocol.BackupPiece.PieceOneofCase.End => new DatabasePiece { Sha256 = piece.End.Sha256.ToByteArray() },
        Protocol.BackupPiece.PieceOneofCase.Bytes => new DatabasePiece { Bytes = piece.Bytes.Memory },
        _ => throw Wire.Invalid("a piece of a backup is of no kind that is known"),
    };

    public static async IAsyncEnumerable<DatabasePiece> FromProto(
        this IAsyncEnumerable<Protocol.BackupPiece> pieces, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (Protocol.BackupPiece piece in pieces.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            yield return piece.FromProto();
        }
    }

    public static Protocol.NamespaceIdentity ToProto(this NamespaceIdentity identity)
    {
        var message = new Protocol.NamespaceIdentity
        {
            Namespace = identity.Namespace.ToProto(),
            Generation = identity.Generation,
            Paused = identity.IsCollectionPaused,
        };
        if (identity.Cluster is { } cluster)
        {
            message.Cluster = cluster.ToProto();
        }

        return message;
    }

    public static NamespaceIdentity FromProto(this Protocol.NamespaceIdentity message) => new()
    {
        Namespace = message.Namespace.ToGuid(),
        Cluster = message.HasCluster ? message.Cluster.ToGuid() : null,
        Generation = message.Generation,
        IsCollectionPaused = message.Paused,
    };
}
