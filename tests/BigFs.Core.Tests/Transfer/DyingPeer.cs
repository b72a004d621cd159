using System.Net;
using System.Net.Sockets;
using BigFs.Core.Transfer;
using NUnit.Framework;

namespace BigFs.Core.Tests.Transfer;

/// <summary>
/// Speaks the hello, takes so many frames of what follows, then closes when it is told to, or just sits there.
/// </summary>
internal sealed class DyingPeer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly TaskCompletionSource _greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _accepting;

    /// <summary>Starts to listen.</summary>
    /// <param name="framesToTake">Frames taken after the hello.</param>
    /// <param name="until">What the end waits for then; a task that never ends is a hang.</param>
    public DyingPeer(int framesToTake, Task until)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Endpoint = _listener.LocalEndPoint!.ToString()!;
        _accepting = AcceptAsync(framesToTake, until);
    }

    public static Task Never { get; } = new TaskCompletionSource().Task;

    public string Endpoint { get; }

    public Task Greeted => _greeted.Task;

    public void Dispose()
    {
        _listener.Dispose();
        Assert.That(async () => await _accepting, Throws.Nothing);
    }

    private async Task AcceptAsync(int framesToTake, Task until)
    {
        List<FrameConnection> connections = [];
        List<Task> serving = [];
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync();
            }
            catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
            {
                break;
            }

            connections.Add(new FrameConnection(socket, "client", TimeProvider.System));
            serving.Add(ServeAsync(connections[^1], framesToTake, until));
        }

        connections.ForEach(connection => connection.Abort());
        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(FrameConnection connection, int framesToTake, Task until)
    {
        using (connection)
        {
            try
            {
                await connection.ReceiveHelloAsync();
                await connection.SendHelloAsync();
                _greeted.TrySetResult();
                await TakeAsync(connection, framesToTake);
                await until.WaitAsync(connection.Aborted);
            }
            catch (Exception gone) when (gone is TransferException or OperationCanceledException)
            {
                // The other side went first, or the test is over.
                return;
            }
        }
    }

    private static async Task TakeAsync(FrameConnection connection, int count)
    {
        var bytes = new byte[FrameHeader.MaxData];
        for (; count > 0; count--)
        {
            FrameHeader header = await connection.ReceiveHeaderAsync();
            await connection.ReceiveAsync(bytes.AsMemory(0, header.Length));
        }
    }
}
