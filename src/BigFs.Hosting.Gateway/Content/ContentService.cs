using BigFs.Core.Model;
using BigFs.Hosting.Access;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Gateway.Access;
using BigFs.Hosting.Gateway.Files;
using BigFs.Internal.Grpc;
using BigFs.Protocol;
using Grpc.Core;

namespace BigFs.Hosting.Gateway.Content;

/// <summary>
/// The service of gateway.proto: files in and out as streams, each by a client that acts for the caller. What of the cluster
/// dies behind it is that client's trouble.
/// </summary>
internal sealed class ContentService(GatewayParts parts)
{
    private readonly OpenedFiles _opened = new();

    /// <summary>The service, with the form of its messages that copies a file's bytes once.</summary>
    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(ContentMethods.Upload, UploadAsync)
        .AddMethod(ContentMethods.Download, DownloadAsync)
        .Build();

    /// <summary>Ends when the caller's key does, wherever it stands.</summary>
    private Task UploadAsync(
        IAsyncStreamReader<ContentMessage<UploadPart>> requests, IServerStreamWriter<UploadAnswer> answers, ServerCallContext context) =>
        AccessInterceptor.Of(context).WhileGoodAsync(end => UploadAsync(requests, answers, context, end), context.CancellationToken);

    private async Task UploadAsync(
        IAsyncStreamReader<ContentMessage<UploadPart>> requests,
        IServerStreamWriter<UploadAnswer> answers,
        ServerCallContext context,
        CancellationToken cancellationToken)
    {
        using var limit = new StallLimit(ContentLimits.Stall, parts.Services.Time, cancellationToken);
        UploadHeader header = await HeaderAsync(requests, limit);
        CheckProtocol(header.Protocol, context);
        var operation = header.Operation.ToGuid();
        BigFsPath path = header.Path.ToPath();
        UploadOptions options = header.Options();
        using BodyLoad.Body body = parts.Load.Enter(isUpload: true);
        using CallerClients.Lease lease = parts.Clients.Rent(CallerOf(context));
        await using var acknowledgements = new Acknowledgements(answers, body);
        options.Progress = acknowledgements;
        options.Concurrency = parts.Load.Concurrency;
        await using var content = new UploadedContent(requests, header, limit, body, acknowledgements.AcceptAsync);
        UploadResult result = await lease.Client.UploadAsync(
            operation, path, content, options, header.CheckedFirst, cancellationToken);
        await acknowledgements.EndAsync();
        await answers.WriteAsync(new UploadAnswer { Receipt = result.ToProto() });
    }

    private async Task DownloadAsync(
        DownloadRequest request, IServerStreamWriter<ContentMessage<DownloadPart>> responses, ServerCallContext context)
    {
        CheckProtocol(request.Protocol, context);
        BigFsPath path = request.Path.ToPath();
        if (request.Offset < 0 || (request.HasLength && request.Length < 0) || request.MaxStaleness < 0)
        {
            throw Wire.Invalid("offset, length and max_staleness are 0 or more");
        }

        using BodyLoad.Body body = parts.Load.Enter(isUpload: false);
        using CallerClients.Lease lease = parts.Clients.Rent(CallerOf(context));
        Internal.Download.PinnedFile file = await _opened.OpenAsync(
            lease.Client,
            path,
            request.HasVersion ? new BigFsVersion(request.Version) : null,
            TimeSpan.FromTicks(request.MaxStaleness),
            context.CancellationToken);
        using var limit = new StallLimit(ContentLimits.Stall, parts.Services.Time, context.CancellationToken);
        await new RangeSender(file, responses, limit, parts.Buffers).SendAsync(
            request.Offset, request.HasLength ? request.Length : long.MaxValue, context.CancellationToken);
    }

    private static async Task<UploadHeader> HeaderAsync(IAsyncStreamReader<ContentMessage<UploadPart>> requests, StallLimit limit)
    {
        ContentMessage<UploadPart>? first = await UploadedContent.NextAsync(requests, limit);
        using (first)
        {
            return first?.Part is { PartCase: UploadPart.PartOneofCase.Header, Header: { } header }
                ? header
                : throw Wire.Invalid("an upload begins with its header");
        }
    }

    private static void CheckProtocol(uint asked, ServerCallContext context)
    {
        if (asked != ContentMethods.Version)
        {
            throw new BigFsException(
                BigFsErrorCode.InvalidArgument,
                $"{context.Method} was asked for in version {asked} of the content protocol; this gateway speaks version {ContentMethods.Version}.");
        }
    }

    private static Caller CallerOf(ServerCallContext context) => AccessInterceptor.Of(context).Key is { } key
        ? new Caller(key, AccessGate.KeyIn(context.RequestHeaders.GetValue(AccessGate.KeyHeader)))
        : Caller.Anybody;
}
