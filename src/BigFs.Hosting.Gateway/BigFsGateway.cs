namespace BigFs.Hosting.Gateway;

/// <summary>The gateway as a role: one door for applications outside.</summary>
public static class BigFsGateway
{
    /// <summary>What <c>GatewayEngine</c> takes, where the other settings come from a configuration.</summary>
    public static BigFsGatewayEngine Engine { get; } = new GatewayEngine();

    /// <summary>Has these roles serve a gateway, too.</summary>
    /// <param name="options">The roles' settings; "gateway" is added to the roles when it is not there.</param>
    /// <param name="configure">Sets what is to be set of the gateway.</param>
    public static BigFsRoleHostOptions UseGateway(this BigFsRoleHostOptions options, Action<BigFsGatewayOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.GatewayEngine = Engine;
        if (!options.Roles.Contains(BigFsRoleNames.Gateway))
        {
            options.Roles = [.. options.Roles, BigFsRoleNames.Gateway];
        }

        configure?.Invoke(options.Gateway);
        return options;
    }

    /// <summary>Has a cluster in this process serve a gateway; it listens then (<see cref="BigFsClusterOptions.Listen"/>).</summary>
    /// <param name="options">The cluster's settings.</param>
    /// <param name="configure">Sets what is to be set of the gateway.</param>
    public static BigFsClusterOptions UseGateway(this BigFsClusterOptions options, Action<BigFsGatewayOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.GatewayEngine = Engine;
        options.Listen = true;
        configure?.Invoke(options.Gateway);
        return options;
    }
}
