"""What the gateway is told: certificates, keys and limits, the backends that stand."""
