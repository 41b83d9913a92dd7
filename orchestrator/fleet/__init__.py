"""What touches hosts: Ansible, Docker, images."""
