"""The deterministic simulation: the product's own code on made-up machines, network and clock; a seed decides all."""
