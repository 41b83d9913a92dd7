"""The hosts of an Ansible inventory: asked of Ansible itself, in a process of its own, and put in a spec's words."""
