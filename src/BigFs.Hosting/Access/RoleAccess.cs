using System.Collections.Concurrent;
using System.Security.Cryptography;
using BigFs.Core.Control;
using BigFs.Core.Security;
using BigFs.Core.Transfer;
using BigFs.Hosting.Access.Grpc;
using BigFs.Hosting.Grpc;
using BigFs.Internal.Grpc;

namespace BigFs.Hosting.Access;

/// <summary>What protects the control plane of a process that runs roles: its doors, and how its calls prove who makes them.</summary>
internal sealed class RoleAccess : IAsyncDisposable
{
    private readonly BigFsRoleHostOptions _options;
    private readonly ClusterSecret? _secret;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<BigFsPath, VersionVeil> _veils = new(); // as many as keys have roots
    private AccessGate _gate = AccessGate.Open;

    /// <summary>Makes it of validated settings.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="roles">The roles of this process.</param>
    /// <param name="secret">The cluster's secret; needed where keys are required.</param>
    /// <param name="time">Clock.</param>
    public RoleAccess(
        BigFsRoleHostOptions options, IReadOnlyCollection<ServiceRole> roles, ClusterSecret? secret, TimeProvider time)
    {
        (_options, _secret, _time) = (options, secret, time);
        Channels = new ChannelSecurity
        {
            Tls = options.ControlAuthorityFile is not { } authority ? null : new TransferClientTls
            {
                AuthorityFile = authority,
                CertificateFile = options.ControlCertificateFile,
                KeyFile = options.ControlKeyFile,
            },
            Credentials = options.RequireKeys
                ? new RoleInterceptor(
                    new RoleTokenSigner(secret!, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), time), roles)
                : null,
        };
        Listener = new ControlListenerOptions
        {
            BeyondLoopback = options.RequireKeys,
            Advertise = options.Advertise,
            Gate = () => _gate,
            Limits = options.ControlLimits,
            Tls = options.ControlCertificateFile is not { } certificate ? null : new TransferServerTls
            {
                CertificateFile = certificate,
                KeyFile = options.ControlKeyFile!,
                ClientAuthorityFile = options.ControlAuthorityFile,
            },
        };
    }

    /// <summary>Decides who may do what; complete once a store of keys is used.</summary>
    public AccessGate Gate => _gate;

    /// <summary>How this process's calls are protected.</summary>
    public ChannelSecurity Channels { get; }

    /// <summary>How its control port is protected.</summary>
    public ControlListenerOptions Listener { get; }

    /// <summary>Which endpoints may be registered here.</summary>
    public EndpointRules Endpoints => _options.RequireKeys ? EndpointRules.WithKeys : EndpointRules.LoopbackOnly;

    /// <summary>Scatters chunk keys where clients are kept apart; null where everybody sees everything.</summary>
    public ChunkKeyScatter? Scatter => _options.RequireKeys ? new ChunkKeyScatter(_secret!) : null;

    /// <summary>Takes the store by which clients' keys are checked; before the port listens. Nothing where none are required.</summary>
    public void Use(IAccessKeyStore store)
    {
        if (_options.RequireKeys)
        {
            _gate = AccessGate.Closed(
                new RoleTokenVerifier(_secret!, new RoleTokenOptions(), _time),
                new AccessKeyChecker(store, new AccessKeyCheckerOptions(), _time),
                root => _veils.GetOrAdd(root, one => new VersionVeil(_secret!, one)),
                _options.ControlRoleCertificates,
                _time);
        }
    }

    /// <summary>Told that a key was changed through this process.</summary>
    public void Forget(string keyId) => _gate.Keys?.Forget(keyId);

    public ValueTask DisposeAsync() => _gate.Keys?.DisposeAsync() ?? ValueTask.CompletedTask;
}
