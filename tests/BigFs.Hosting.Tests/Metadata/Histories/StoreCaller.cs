using BigFs.Core.Metadata;
using static BigFs.Hosting.Tests.Metadata.Uploads;

namespace BigFs.Hosting.Tests.Metadata.Histories;

/// <summary>Sends calls to a store.</summary>
internal static class StoreCaller
{
    /// <summary>
    /// The answer, also a refusal; null when nobody knows what became of the operation: the server cannot be reached, or
    /// did not answer in time.
    /// </summary>
    public static async Task<Answer?> TrySendAsync(this IMetadataStore store, Call call)
    {
        try
        {
            return await SendAsync(store, call);
        }
        catch (BigFsException exception) when (exception.Code is BigFsErrorCode.Unavailable or BigFsErrorCode.TimedOut)
        {
            return null;
        }
        catch (BigFsException exception)
        {
            return new Answer { Refusal = exception.Code };
        }
    }

    private static async Task<Answer> SendAsync(IMetadataStore store, Call call)
    {
        switch (call)
        {
            case FindCall find:
                return new Answer { Found = await store.FindAsync(find.Path, withManifest: true, None) };
            case ListCall list:
                MetadataPage page = await store.ListAsync(
                    new MetadataListRequest
                    {
                        Directory = list.Directory,
                        After = list.After,
                        Prefix = list.Prefix,
                        Limit = list.Limit,
                        Recursive = list.Recursive,
                    },
                    None);
                return new Answer { Page = page.Entries, IsMore = page.Next is not null };
            case BeginCall begin:
                await store.BeginUploadAsync(Request(begin), None);
                return Answer.Done;
            case PutCall { IsUpload: true } put:
                return new Answer { Entry = await store.CommitUploadAsync(UploadRequest(put), None) };
            case PutCall put:
                return new Answer { Entry = await store.CommitFileAsync(FileRequest(put), None) };
            case MakeDirectoryCall make:
                await store.CreateDirectoryAsync(make.Operation, make.Path, None);
                return Answer.Done;
            case DeleteCall delete:
                var request = new DeleteRequest
                {
                    Operation = delete.Operation,
                    Path = delete.Path,
                    Recursive = delete.Recursive,
                    Version = delete.Version,
                };
                return new Answer { Deleted = await store.DeleteAsync(request, None) };
            case MoveCall move:
                var wanted = new MoveRequest
                {
                    Operation = move.Operation,
                    Source = move.Source,
                    Destination = move.Destination,
                    Overwrite = move.Overwrite,
                };
                return new Answer { Entry = await store.MoveAsync(wanted, None) };
            default:
                throw new ArgumentOutOfRangeException(nameof(call), call, "an unknown call");
        }
    }

    private static BeginUploadRequest Request(BeginCall begin) => new()
    {
        Operation = begin.Operation,
        Path = begin.Path,
        Precondition = begin.Precondition,
        Replicas = begin.Body.Replicas,
        ContentType = begin.Body.ContentType,
        Metadata = begin.Body.Metadata,
    };

    private static CommitUploadRequest UploadRequest(PutCall put) => new()
    {
        Operation = put.Operation,
        Session = put.Session!.Value,
        Size = put.Body.Size,
        Crc32C = put.Body.Crc32C,
        Manifest = put.Body.Manifest,
        Discarded = put.Body.Discarded,
    };

    private static CommitFileRequest FileRequest(PutCall put) => new()
    {
        Operation = put.Operation,
        Session = put.Session,
        Path = put.Path,
        Precondition = put.Precondition,
        Replicas = put.Body.Replicas,
        ContentType = put.Body.ContentType,
        Metadata = put.Body.Metadata,
        Size = put.Body.Size,
        Crc32C = put.Body.Crc32C,
        Manifest = put.Body.Manifest,
        Discarded = put.Body.Discarded,
        Content = put.Body.Content,
    };
}
