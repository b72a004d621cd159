using System.IO.Pipelines;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Problems;
using Microsoft.AspNetCore.Http;

namespace BigFs.Hosting.Gateway.Files;

/// <summary><c>GET</c> and <c>HEAD /v1/files/{path}</c>: a file's content, or a part of it, or what is known of it.</summary>
internal sealed class GetFile(CallerClients clients, BodyLoad load)
{
    /// <summary>Bytes handed to the connection at a time.</summary>
    private const int Piece = 256 << 10;

    /// <summary>
    /// The same at first: so much at once tells the stream that it is read to its end, not looked into, and it fetches ahead from
    /// the beginning.
    /// </summary>
    private const int FirstPiece = 1 << 20;

    public async Task InvokeAsync(HttpContext context)
    {
        BigFsPath path = TargetPath.Of(context, FileRoutes.Files);
        _ = new QueryOptions(context.Request);
        var conditions = Conditions.Of(context.Request);
        using CallerClients.Lease lease = clients.Rent(RouteDoor.CallerOf(context));
        if (HttpMethods.IsHead(context.Request.Method))
        {
            await TellAsync(context, lease.Client, path, conditions);
            return;
        }

        using BodyLoad.Body body = load.Enter(isUpload: false);
        BigFsReadStream content;
        try
        {
            content = await lease.Client.OpenReadAsync(
                path, new DownloadOptions { Concurrency = load.Concurrency }, context.RequestAborted);
        }
        catch (BigFsException absent) when (absent.Code == BigFsErrorCode.NotFound)
        {
            conditions.CheckAbsent(path);
            throw;
        }

        await using (content)
        {
            await AnswerAsync(context, content, conditions);
        }
    }

    private static async Task TellAsync(HttpContext context, IBigFsClient client, BigFsPath path, Conditions conditions)
    {
        BigFsEntry? entry = await client.FindAsync(path, context.RequestAborted);
        if (entry is not BigFsFile file)
        {
            conditions.CheckAbsent(path);
            throw entry is null ? FileErrors.NotFound(path) : FileErrors.IsDirectory(path);
        }

        bool isKnown = conditions.CheckRead(file);
        FileAnswer.Describe(context.Response, file);
        if (isKnown)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
        }
        else
        {
            context.Response.ContentLength = file.Size;
        }
    }

    private static async Task AnswerAsync(HttpContext context, BigFsReadStream content, Conditions conditions)
    {
        BigFsFile file = content.File;
        HttpResponse response = context.Response;
        if (conditions.CheckRead(file))
        {
            FileAnswer.Describe(response, file);
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        if (!ByteRange.TryRead(context.Request, file, out ByteRange? range))
        {
            response.Headers.ContentRange = $"bytes */{file.Size}";
            var error = new BigFsException(BigFsErrorCode.InvalidArgument, $"Nothing of the content lies in the range: it has {file.Size} bytes.")
            {
                Path = file.Path.ToString(),
            };
            await Problem.WriteAsync(context, error, StatusCodes.Status416RangeNotSatisfiable);
            return;
        }

        FileAnswer.Describe(response, file);
        ByteRange part = range ?? new ByteRange(0, file.Size);
        if (range is not null)
        {
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = part.Of(file.Size);
        }

        response.ContentLength = part.Length;
        if (part.Length > 0)
        {
            content.Position = part.Start;
            await CopyAsync(content, response.BodyWriter, part.Length, context.RequestAborted);
        }
    }

    /// <summary>From the client's buffers into the connection's, once.</summary>
    private static async Task CopyAsync(BigFsReadStream content, PipeWriter writer, long left, CancellationToken cancellationToken)
    {
        for (int piece = FirstPiece; left > 0; piece = Piece)
        {
            Memory<byte> room = writer.GetMemory((int)Math.Min(left, piece));
            int wanted = (int)Math.Min(left, room.Length);
            int count = await content.ReadAsync(room[..wanted], cancellationToken);
            if (count == 0)
            {
                throw new BigFsException(BigFsErrorCode.Internal, "The content ended before its length.");
            }

            writer.Advance(count);
            left -= count;
            FlushResult flushed = await writer.FlushAsync(cancellationToken);
            if (flushed.IsCompleted)
            {
                // Nobody reads any longer.
                return;
            }
        }
    }
}
