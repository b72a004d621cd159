using System.Runtime.InteropServices;
using BigFs.Internal.Local;

namespace BigFs;

/// <summary>Files, folders and byte arrays, by the members of <see cref="IBigFsClient"/>.</summary>
public static class BigFsClientExtensions
{
    /// <summary>Uploads a local file, by <see cref="IBigFsClient.UploadAsync"/>.</summary>
    /// <exception cref="IOException">The local file cannot be read.</exception>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.UploadAsync"/>.</exception>
    public static async Task<UploadResult> UploadFileAsync(
        this IBigFsClient client,
        BigFsPath path,
        string localFile,
        UploadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(localFile);
        FileStream source = LocalFiles.OpenToRead(localFile);
        await using (source.ConfigureAwait(false))
        {
            return await client.UploadAsync(path, source, options, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Uploads bytes, by <see cref="IBigFsClient.UploadAsync"/>; they must not change meanwhile.</summary>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.UploadAsync"/>.</exception>
    public static async Task<UploadResult> UploadBytesAsync(
        this IBigFsClient client,
        BigFsPath path,
        ReadOnlyMemory<byte> content,
        UploadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        using MemoryStream source = MemoryMarshal.TryGetArray(content, out ArraySegment<byte> bytes) && bytes.Array is { } array
            ? new MemoryStream(array, bytes.Offset, bytes.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
        return await client.UploadAsync(path, source, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Uploads all that a local directory holds, by <see cref="IBigFsClient.UploadAsync"/> and, for empty directories,
    /// <see cref="IBigFsClient.CreateDirectoryAsync"/>. Goes on after failures and says for each file what became of it;
    /// symbolic links are not followed, pipes and devices not read, and each is named as skipped.
    /// </summary>
    /// <returns>
    /// A result for each file, and for each directory of which nothing goes up or that could not be read; in no order.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">The local directory does not exist.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; files may have been uploaded.</exception>
    public static async Task<IReadOnlyList<FileTransferResult>> UploadDirectoryAsync(
        this IBigFsClient client,
        BigFsPath directory,
        string localDirectory,
        UploadDirectoryOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(localDirectory);
        options ??= new UploadDirectoryOptions();
        return await DirectoryUpload.RunAsync(client, directory, localDirectory, options, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Downloads a file to a local one, by <see cref="IBigFsClient.DownloadAsync"/>: into a temporary file beside it, which
    /// takes its place when all bytes are there. On failure no file is left and an existing one stays. Missing directories
    /// above it are made; a symbolic link stays, what it leads to is replaced; a pipe or a device is written to as it is.
    /// </summary>
    /// <exception cref="IOException">The local file cannot be written.</exception>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.DownloadAsync"/>.</exception>
    public static async Task<BigFsFile> DownloadFileAsync(
        this IBigFsClient client,
        BigFsPath path,
        string localFile,
        DownloadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(localFile);
        return await LocalFiles.WriteAsync(
            localFile,
            destination => client.DownloadAsync(path, destination, options, cancellationToken)).ConfigureAwait(false);
    }

    /// <summary>
    /// Downloads all that a directory holds into a local one, which is made when it is missing, by
    /// <see cref="IBigFsClient.ListAsync"/> and <see cref="IBigFsClient.DownloadAsync"/>. Goes on after failures and says
    /// for each file what became of it. Names that are not allowed here, that fall together with another one, or that
    /// would lead through a local symbolic link are refused.
    /// </summary>
    /// <returns>A result for each file, and for each directory that failed; in no order.</returns>
    /// <exception cref="BigFsException">NotFound, NotDirectory: the directory itself; Unavailable, TimedOut.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; files may have been downloaded.</exception>
    public static async Task<IReadOnlyList<FileTransferResult>> DownloadDirectoryAsync(
        this IBigFsClient client,
        BigFsPath directory,
        string localDirectory,
        DownloadDirectoryOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(localDirectory);
        options ??= new DownloadDirectoryOptions();
        return await DirectoryDownload.RunAsync(client, directory, localDirectory, options, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>A small file's content, by <see cref="IBigFsClient.DownloadAsync"/>; at most about 2 GiB.</summary>
    /// <exception cref="BigFsException">As <see cref="IBigFsClient.DownloadAsync"/>.</exception>
    public static async Task<byte[]> ReadBytesAsync(
        this IBigFsClient client,
        BigFsPath path,
        DownloadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        using var destination = new MemoryStream();
        await client.DownloadAsync(path, destination, options, cancellationToken).ConfigureAwait(false);
        return destination.ToArray();
    }
}
