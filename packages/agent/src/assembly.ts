// Public face `./assembly`: for whoever puts an agent together in a world of its own. Apart from the agent's own: the
// library of its metrics takes a while to load, and no command needs it.
export { AgentMetrics } from './metrics.ts';
export { NodeAgent, type NodeAgentOptions } from './node-agent.ts';
