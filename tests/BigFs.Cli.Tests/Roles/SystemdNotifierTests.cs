using System.Net.Sockets;
using System.Text;
using BigFs.Cli.Roles;

namespace BigFs.Cli.Tests.Roles;

[Platform("Linux")]
internal sealed class SystemdNotifierTests
{
    [TestCase("/")]
    [TestCase("@")]
    public void What_systemd_listens_for_is_sent_to_its_socket(string kind)
    {
        using var folder = new TemporaryFolder();
        string name = kind + folder.At("notify").TrimStart('/');
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 5000 };
        socket.Bind(new UnixDomainSocketEndPoint(kind == "@" ? "\0" + name[1..] : name));

        bool ready = SystemdNotifier.Ready(_ => name);
        string first = Receive(socket);
        bool stopping = SystemdNotifier.Stopping(_ => name);

        Assert.That((ready, first, stopping, Receive(socket)), Is.EqualTo((true, "READY=1", true, "STOPPING=1")));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("relative")]
    [TestCase("/nowhere/at/all")]
    public void Without_a_listener_nothing_happens(string? name) => Assert.That(SystemdNotifier.Ready(_ => name), Is.False);

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[64];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
