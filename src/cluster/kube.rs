//! The Kubernetes door over kube's client.
