using System.Security.Cryptography;
using System.Text;
using BigFs.Core.Security;
using BigFs.Core.Storage;
using BigFs.Hosting.DataNode;
using Microsoft.Extensions.Logging;

namespace BigFs.Hosting.Access;

/// <summary>
/// The first key of a cluster that requires keys and has none: an administrator's, in a file that only the owner of the
/// metadata server's process may read. With it the others are made; then it may be revoked and the file deleted.
/// </summary>
internal static partial class FirstAccessKey
{
    /// <summary>The file's name in the metadata server's folder.</summary>
    public const string FileName = "admin-key";

    /// <summary>Makes the key where there is none of any kind.</summary>
    /// <param name="store">The keys.</param>
    /// <param name="folder">Where the file is put.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">Is told where the file is, not what is in it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="BigFsException">InvalidSettings: the file cannot be written.</exception>
    public static async Task EnsureAsync(
        IAccessKeyStore store, string folder, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        if (!(await store.ListAsync(cancellationToken).ConfigureAwait(false)).IsEmpty)
        {
            return;
        }

        // The file first: a key that nobody holds would lock the cluster's owner out.
        AccessKey key = NewKey();
        string file = Path.GetFullPath(Path.Combine(folder, FileName));
        string own = $"{file}.{key.Id}";
        using IDisk disk = DataNodeHost.DiskForThisPlatform();
        try
        {
            PrivateFile.Write(disk, own, Encoding.ASCII.GetBytes(key.Reveal() + "\n"));
            PrivateFile.SyncFolder(disk, own);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(own, exception);
        }

        bool isFirst = await store.TryAddFirstAsync(
            Record(key, "first administrator", AccessRights.All, BigFsPath.Root, null, time), cancellationToken).ConfigureAwait(false);
        if (isFirst)
        {
            File.Move(own, file, overwrite: true);
            PrivateFile.SyncFolder(disk, file);
            LogMade(logger, key.Id, file);
        }
        else
        {
            File.Delete(own);
        }
    }

    /// <summary>A new key.</summary>
    public static AccessKey NewKey() => AccessKey.Create(RandomNumberGenerator.GetBytes(AccessKey.IdBytes + AccessKey.SecretBytes));

    /// <summary>What is kept of a key.</summary>
    public static AccessKeyRecord Record(
        AccessKey key, string name, AccessRights rights, BigFsPath root, DateTimeOffset? expires, TimeProvider time) => new()
        {
            Id = key.Id,
            Hash = key.Hash(),
            Name = name,
            Rights = rights,
            Root = root,
            Created = time.GetUtcNow(),
            Expires = expires,
        };

    private static BigFsException Unwritable(string file, Exception exception) => new(
        BigFsErrorCode.InvalidSettings, $"The file \"{file}\" for the first access key cannot be made: {exception.Message}", exception);

    [LoggerMessage(EventId = 1191, EventName = "FirstAccessKeyMade", Level = LogLevel.Warning,
        Message = "There was no access key: {Key}, an administrator's, was made and is in {File}")]
    private static partial void LogMade(ILogger logger, string key, string file);
}
